"""Encoding: columns as codes of a dictionary of distinct values, and the counts of distinct rows."""
