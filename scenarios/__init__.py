"""The twelve documents as tests; the claims of each are in its `claims.toml`."""
