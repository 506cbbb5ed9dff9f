"""Figures: one file a subject, `bounds.toml` with what each must reach, `peers/` with a worker a peer."""
