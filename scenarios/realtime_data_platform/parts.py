"""The state of all parts of a pipeline, for a comparison before and after a command."""

# All replica identities, publications and replication slots.
IN_POSTGRESQL = """
SELECT 'identity', c.oid::regclass::text, relreplident::text,
  (SELECT max(indexrelid::regclass::text) FROM pg_index WHERE indrelid = c.oid AND indisreplident)
FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
UNION ALL SELECT 'publication', pubname::text, obj_description(oid, 'pg_publication'), NULL FROM pg_publication
UNION ALL SELECT 'member', pubname::text, tablename::text, NULL FROM pg_publication_tables
UNION ALL SELECT 'slot', slot_name::text, NULL, NULL FROM pg_replication_slots
ORDER BY 1, 2, 3, 4
"""


class Parts:
    """The parts of a pipeline in each service."""

    def __init__(self, platform, pipeline):
        self.platform, self.pipeline, self.name = platform, pipeline, pipeline.name

    def found(self):
        """Return the present state of all parts, by the kind of part."""
        name, trino = self.name, self.platform.trino
        return {
            "connectors": {each: self.platform.connectors.config(each) for each in (name, f"{name}_other")},
            "pinot": self.platform.pinot.config(name),
            "schema": self.platform.pinot.columns(name),
            "relations": {each for each in trino.relations("hive", "views") if each == name},
            "view": trino.view("hive", "views", name),
            "base": trino.tables("iceberg", "base").get(name),
            "postgresql": self.pipeline.sql(IN_POSTGRESQL),
        }
