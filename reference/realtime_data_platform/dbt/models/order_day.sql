{#
Orders by day. A run computes the last two days of orders again, and keeps what it had of the days before. A change of
an older order is therefore left out until a run with --full-refresh.
#}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day', database='iceberg', schema='reports') }}
SELECT CAST(placed AT TIME ZONE 'UTC' AS date) AS day, count(*) AS orders, sum(amount) AS amount
FROM {{ source('views', 'order') }}
{% if is_incremental() %}
WHERE CAST(placed AT TIME ZONE 'UTC' AS date) >= (SELECT max(day) - INTERVAL '1' DAY FROM {{ this }})
{% endif %}
GROUP BY 1
