"""A package index on S3, the document's claims as tests."""
