"""The plugins of every run: the ledger, the services, the measuring."""

pytest_plugins = [
    "fixtures.services.plugin",
]
