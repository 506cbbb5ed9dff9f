"""A note on exponents, the document's claims as tests."""
