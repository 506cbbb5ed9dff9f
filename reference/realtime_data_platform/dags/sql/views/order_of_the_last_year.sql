CREATE OR REPLACE VIEW hive.views.order_of_the_last_year AS
  SELECT *
  FROM hive.views."order"
  WHERE placed >= current_timestamp - INTERVAL '1' YEAR
