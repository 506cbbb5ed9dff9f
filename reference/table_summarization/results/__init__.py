"""Results: the summary of a table, as text, JSON, Markdown, sentences, a DataFrame or a figure."""

from reference.table_summarization.results.summary import Pattern, Plan, Summary

__all__ = ["Pattern", "Plan", "Summary"]
