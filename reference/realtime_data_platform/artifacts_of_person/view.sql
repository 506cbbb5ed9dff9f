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
      SELECT "id", "customer_id", json_format(source), op, IF(op = 'r', 0, lsn), ROW(after_commit, lsn, ts_ms)
      FROM pinot.default."person" WHERE after_commit >= 0
      UNION ALL
      SELECT CAST(__known AS bigint), CAST(__known AS bigint), CAST(__known AS varchar), CAST(__known AS varchar), CAST(__known AS bigint), ROW(__known, __known, __known)
      FROM (
        SELECT IF("count(*)" > 0 AND __read IS NULL, CAST(fail('Pinot lacked a server when the query began; try again') AS bigint), abs("count(*)")) AS __known
        FROM pinot.default."SELECT count(*) FROM person WHERE after_commit >= 0"
        CROSS JOIN (SELECT max(ROW(after_commit)) AS __read FROM pinot.default."person" WHERE after_commit >= 0)
      )
      WHERE __known < 0
    )
    CROSS JOIN (
      SELECT max(ROW(after_commit, lsn, ts_ms)) AS __newest, max(IF(op = 't', ROW(after_commit, lsn, ts_ms))) AS __truncated,
        max(IF(op = 'r', ROW(after_commit, -ts_ms))) AS __snapshot
      FROM pinot.default."person" WHERE after_commit >= 0
    )
    WHERE (__at IS NULL OR __at <= __newest)
      AND (__snapshot IS NULL OR (__at[1] >= __snapshot[1] OR __at[1] = __at[2] AND __at[3] >= -__snapshot[2]))
      AND __place > IF(__truncated IS NOT NULL AND (__snapshot IS NULL OR (__truncated[1] >= __snapshot[1] OR __truncated[1] = __truncated[2] AND __truncated[3] >= -__snapshot[2])), __truncated[2], -1)
    GROUP BY "id", "customer_id"
  )
  WHERE op <> 'd'
