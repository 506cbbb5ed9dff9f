"""The plugins of every run: the ledger, the services, the measuring."""

pytest_plugins = [
    "fixtures.claims.plugin",
    "fixtures.measure.plugin",
    "fixtures.profiles",
    "fixtures.services.plugin",
    "pytester",  # the machinery's own tests run pytest
]
