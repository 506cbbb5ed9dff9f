"""Service telemetry, the document's claims as tests."""
