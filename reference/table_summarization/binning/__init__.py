"""Binning: the rules that group the many numbers or times of a column into few intervals."""

from reference.table_summarization.binning.rules import (
    AsValues,
    Auto,
    Binning,
    Edges,
    Every,
    Intervals,
    Quantiles,
    Rules,
    Width,
    parse_rule,
    rule_for,
)

__all__ = [
    "AsValues",
    "Auto",
    "Binning",
    "Edges",
    "Every",
    "Intervals",
    "Quantiles",
    "Rules",
    "Width",
    "parse_rule",
    "rule_for",
]
