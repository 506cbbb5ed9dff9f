"""A score of peace, the document's claims as tests."""
