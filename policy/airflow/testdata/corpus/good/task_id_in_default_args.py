from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_in_default_args", schedule=None, default_args={"task_id": "odd"}):
    EmptyOperator()
