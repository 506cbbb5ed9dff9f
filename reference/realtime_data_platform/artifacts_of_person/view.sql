CREATE OR REPLACE VIEW hive.views."person" AS
  SELECT
    "id",
    "customer_id",
    JSON_EXTRACT_SCALAR(source, '$.name') AS "name",
    op
  FROM (
    SELECT "id", "customer_id", max_by(source, lsn) AS source, max_by(op, lsn) AS op, max(lsn) AS lsn,
      sum(count(*)) OVER () AS __changes, max(max(IF(op = 't', lsn))) OVER () AS __truncated
    FROM pinot.default."SET skipUpsert = true; SELECT ""id"", ""customer_id"", source, op, lsn FROM person LIMIT 200001"
    GROUP BY "id", "customer_id"
  )
  WHERE op NOT IN ('d', 't') AND lsn > coalesce(__truncated, 0)
    AND IF(__changes > 200000, fail('table person has more than 200,000 changes, as many as its view can read at once'), true)
