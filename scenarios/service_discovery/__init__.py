"""Service discovery with ZooKeeper, the document's claims as tests."""
