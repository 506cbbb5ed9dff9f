"""Benchmarks: a file for each subject; `bounds.toml` has the bound of each figure, `peers/` the timed workers."""
