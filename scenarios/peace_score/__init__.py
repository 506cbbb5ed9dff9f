"""A score of peace, told as tests."""
