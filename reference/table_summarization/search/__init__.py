"""The search for patterns: the cost models (`costs`), its input (`table`), and two equivalent implementations.

Begin with `plain`, which describes the algorithm; `vectorized` is the implementation for large tables.
"""

from reference.table_summarization.search.costs import CPYTHON_3_11, DOMAIN, MODELS, PAPER, CostModel, cost_model

__all__ = ["CPYTHON_3_11", "DOMAIN", "MODELS", "PAPER", "CostModel", "cost_model"]
