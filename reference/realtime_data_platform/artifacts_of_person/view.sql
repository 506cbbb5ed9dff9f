CREATE OR REPLACE VIEW hive.views."person" AS
  SELECT
    "id",
    "customer_id",
    JSON_EXTRACT_SCALAR(source, '$.name') AS "name",
    op
  FROM (
    SELECT "id", "customer_id", max_by(source, lsn) AS source, max_by(op, lsn) AS op
    FROM pinot.default."SET skipUpsert = true; SELECT ""id"", ""customer_id"", source, op, lsn FROM person LIMIT 200001"
    GROUP BY "id", "customer_id"
  )
  WHERE op <> 'd'
