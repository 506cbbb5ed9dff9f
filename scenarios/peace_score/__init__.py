"""The claims of the document "A score of peace" as tests."""
