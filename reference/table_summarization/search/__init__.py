"""The search for patterns: what a pattern saves (`costs`), the table it looks at, and two equal implementations."""

from reference.table_summarization.search.costs import CPYTHON_3_11, DOMAIN, MODELS, PAPER, CostModel, cost_model

__all__ = ["CPYTHON_3_11", "DOMAIN", "MODELS", "PAPER", "CostModel", "cost_model"]
