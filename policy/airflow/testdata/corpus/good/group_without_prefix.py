from airflow.sdk import DAG
from airflow.utils.task_group import TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("group_without_prefix", schedule=None):
    with TaskGroup("plain", prefix_group_id=False):
        EmptyOperator(task_id="a")
    EmptyOperator(task_id="plain.a")
    with TaskGroup("outer", prefix_group_id=False):
        with TaskGroup("inner"):
            EmptyOperator(task_id="a")
