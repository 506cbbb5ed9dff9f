"""Services register in ZooKeeper and find each other there."""
