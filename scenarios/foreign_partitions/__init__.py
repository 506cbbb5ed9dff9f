"""Foreign partitions, the document's claims as tests."""
