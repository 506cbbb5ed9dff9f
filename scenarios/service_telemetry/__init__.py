"""Service telemetry, told as tests."""
