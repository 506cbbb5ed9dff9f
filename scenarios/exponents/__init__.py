"""A note on exponents, told as tests."""
