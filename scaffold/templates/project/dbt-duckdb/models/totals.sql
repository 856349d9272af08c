{{ config(materialized='external', format='parquet', location=lot_file('MAIN', 'totals.parquet')) }}
select shop, sum(amount)::bigint as amount
from {{ ref('orders') }}
group by shop
