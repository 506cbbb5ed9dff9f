"""Foreign partitions, told as tests."""
