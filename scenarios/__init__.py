"""The twelve documents, told as tests; the claims of each are in its `claims.toml`."""
