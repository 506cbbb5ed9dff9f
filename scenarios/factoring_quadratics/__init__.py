"""Factoring quadratics, the document's claims as tests."""
