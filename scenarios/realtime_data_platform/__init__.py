"""A real-time data platform: the document's claims as tests on PostgreSQL, Kafka, Debezium, Pinot and Trino."""
