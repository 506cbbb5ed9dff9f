{# A model's schema is the one that it names: by default dbt would put reports into views_reports. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
