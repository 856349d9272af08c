from airflow.sdk import DAG

with DAG("syntax_indent", schedule=None):
    a = 1
      b = 2
