CREATE OR REPLACE VIEW hive.views.person AS
  SELECT
    id,
    customer_id,
    json_extract_scalar(source, '$.name') AS name,
    op
  FROM pinot.default.person
  WHERE op <> 'd'
