from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_too_long", schedule=None):
    with TaskGroup("g" * 100):
        EmptyOperator(task_id="t" * 150)
