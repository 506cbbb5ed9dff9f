"""Cloud migrations, told as tests."""
