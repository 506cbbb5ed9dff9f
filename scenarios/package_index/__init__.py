"""A package index on S3, told as tests."""
