"""Encoding: columns as codes in a dictionary of distinct values, and the distinct rows of a table with their counts."""
