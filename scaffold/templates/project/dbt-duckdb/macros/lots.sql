{# The files of the lots that are read for a role, as a list of patterns for DuckDB; empty if all of these lots are. #}
{% macro lots(role, pattern) %}
  {%- set found = [] -%}
  {%- for address in env_var('TRUNKLINE_READ_' ~ role, '').split() -%}
    {%- do found.append("'" ~ (address ~ pattern if address.endswith('/') else address) ~ "'") -%}
  {%- endfor -%}
  {{- return(found | join(', ')) -}}
{% endmacro %}

{# Where a file of the lot is that is made for a role. #}
{% macro lot_file(role, name) %}{{ return(env_var('TRUNKLINE_WRITE_' ~ role) ~ name) }}{% endmacro %}
