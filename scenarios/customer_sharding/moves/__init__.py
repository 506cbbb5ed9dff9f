"""Movers of customers in processes of their own, what they move, and the faults that meet them."""
