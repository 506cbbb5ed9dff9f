"""Documentation with Sphinx, told as tests."""
