"""Results: the summary of a table, in all the forms in which it is written or drawn."""

from reference.table_summarization.results.summary import Pattern, Plan, Summary

__all__ = ["Pattern", "Plan", "Summary"]
