"""The claims of the document "Factoring quadratics" as tests."""
