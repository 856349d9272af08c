from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_type", schedule=None):
    for i in range(3):
        EmptyOperator(task_id=i)
