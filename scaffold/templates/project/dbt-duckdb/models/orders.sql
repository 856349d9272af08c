{{ config(materialized='table') }}
{%- set files = lots('RAW', '*.csv') %}
{% if files %}
select id, shop, amount from read_csv([{{ files }}], columns = {'id': 'varchar', 'shop': 'varchar', 'amount': 'integer'}, header = true)
{% else %}
select null::varchar as id, null::varchar as shop, null::integer as amount where false
{% endif %}
