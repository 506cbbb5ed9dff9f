"""The claims of the document "Service discovery with ZooKeeper" as tests."""
