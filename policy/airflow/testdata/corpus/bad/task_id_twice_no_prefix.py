from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_twice_no_prefix", schedule=None):
    EmptyOperator(task_id="a")
    with TaskGroup("g", prefix_group_id=False):
        EmptyOperator(task_id="a")
