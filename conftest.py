"""The plugins of every run: the browser, the ledger, the measuring, the services."""

pytest_plugins = [
    "fixtures.browser",
    "fixtures.claims.plugin",
    "fixtures.measure.plugin",
    "fixtures.profiles",
    "fixtures.services.plugin",
    "pytester",  # the machinery's own tests run pytest
]
