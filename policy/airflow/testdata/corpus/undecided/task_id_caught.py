from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_caught", schedule=None):
    try:
        EmptyOperator(task_id="not allowed")
    except ValueError:
        EmptyOperator(task_id="allowed")
