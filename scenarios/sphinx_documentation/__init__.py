"""Documentation with Sphinx, the document's claims as tests."""
