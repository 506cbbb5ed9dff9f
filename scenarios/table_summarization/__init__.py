"""Table summarization, told as tests."""
