from airflow.sdk import DAG

dag := DAG("syntax_walrus")
