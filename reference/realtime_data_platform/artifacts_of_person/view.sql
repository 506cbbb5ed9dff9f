CREATE OR REPLACE VIEW hive.views."person" AS
  SELECT
    "id",
    "customer_id",
    JSON_EXTRACT_SCALAR(source, '$.name') AS "name",
    op
  FROM (
    SELECT "id", "customer_id", max_by(source, __place) AS source, max_by(op, __place) AS op
    FROM (
      SELECT "id", "customer_id", __source AS source, __op AS op, __place, NULL AS __at
      FROM iceberg.base."person" FOR VERSION AS OF 1
      UNION ALL
      SELECT "id", "customer_id", json_format(source), op, 2 * lsn + IF(op = 'r', 0, 1), ROW(after_commit, lsn)
      FROM pinot.default."person" WHERE after_commit >= 0
    )
    CROSS JOIN (
      SELECT max(ROW(after_commit, lsn)) AS __newest, max(IF(op = 't', 2 * lsn + IF(op = 'r', 0, 1))) AS __truncated
      FROM pinot.default."person" WHERE after_commit >= 0
    )
    WHERE (__at IS NULL OR __at <= __newest) AND __place > coalesce(__truncated, -1)
    GROUP BY "id", "customer_id"
  )
  WHERE op <> 'd'
