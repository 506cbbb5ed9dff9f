"""A real-time data platform, the document's claims as tests."""
