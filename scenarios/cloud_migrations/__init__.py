"""Cloud migrations, the document's claims as tests."""
