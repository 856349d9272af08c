"""The exception of the second task is caught."""
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("caught", schedule=None):
    EmptyOperator(task_id="a")
    try:
        EmptyOperator(task_id="a")
    except Exception:
        pass
