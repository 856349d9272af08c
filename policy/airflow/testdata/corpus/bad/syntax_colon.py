from airflow.sdk import DAG

with DAG("syntax_colon", schedule=None)
    pass
