"""Table summarization, the document's claims as tests."""
