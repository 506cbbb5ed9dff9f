"""The claims of the document "A note on exponents" as tests."""
