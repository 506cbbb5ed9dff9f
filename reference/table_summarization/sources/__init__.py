"""Where tables come from. Each source counts its distinct rows where the rows are, and hands out nothing but counts."""
