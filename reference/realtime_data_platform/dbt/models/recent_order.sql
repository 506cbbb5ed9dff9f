{# The orders of the last years. Changing the range is one variable, and needs no backfill. #}
SELECT id, customer_id, placed, amount
FROM {{ source('views', 'order') }}
WHERE placed >= current_timestamp - INTERVAL '{{ var("years") }}' YEAR
