CREATE CATALOG pinot USING pinot
WITH (
  "pinot.controller-urls" = 'pinot-controller:9000'
)
