"""Service discovery with ZooKeeper, told as tests."""
