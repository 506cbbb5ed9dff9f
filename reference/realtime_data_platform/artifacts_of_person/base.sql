CREATE TABLE iceberg.base."person" (
  "id" bigint,
  "customer_id" bigint,
  __source varchar,
  __op varchar,
  __place bigint,
  __step bigint,
  __changes bigint
)
