"""Sharding by customer, the document's claims as tests."""
