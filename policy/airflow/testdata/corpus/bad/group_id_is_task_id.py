from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("group_id_is_task_id", schedule=None):
    EmptyOperator(task_id="load")
    with TaskGroup("load"):
        EmptyOperator(task_id="a")
