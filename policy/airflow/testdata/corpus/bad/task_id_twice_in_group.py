from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_twice_in_group", schedule=None):
    with TaskGroup("g"):
        EmptyOperator(task_id="a")
    EmptyOperator(task_id="g.a")
