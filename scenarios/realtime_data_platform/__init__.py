"""A real-time data platform, told as tests."""
