CREATE CATALOG pinot USING pinot
WITH (
  "pinot.controller-urls" = 'pinot-controller:9000',
  "pinot.grpc.port" = '8090',
  "pinot.metadata-expiry" = '1s',
  "pinot.max-rows-per-split-for-segment-queries" = '1000000000'
)
