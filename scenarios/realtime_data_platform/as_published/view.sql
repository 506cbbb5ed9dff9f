CREATE OR REPLACE VIEW hive.views.person AS
  SELECT
    id,
    customer_id,
    JSON_EXTRACT_SCALAR(source, '$.name') AS name,
    op
  FROM pinot.default.person
