"""Factoring quadratics, told as tests."""
