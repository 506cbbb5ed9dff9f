"""Sharding by customer, told as tests."""
