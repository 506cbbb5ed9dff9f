{#
A report: its rows are those of the last run of dbt, which replaces the table in one commit. A materialized view would
take longer with each run, in Trino 476.
#}
{{ config(materialized='table', on_table_exists='replace', database='iceberg', schema='reports') }}
SELECT p.customer_id, p.name, count(o.id) AS orders, coalesce(sum(o.amount), 0) AS amount
FROM {{ source('views', 'person') }} p
LEFT JOIN {{ ref('recent_order') }} o ON o.customer_id = p.customer_id
GROUP BY p.customer_id, p.name
