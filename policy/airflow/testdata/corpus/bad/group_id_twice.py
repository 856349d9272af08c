from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("group_id_twice", schedule=None):
    with TaskGroup("g"):
        EmptyOperator(task_id="a")
    with TaskGroup("g"):
        EmptyOperator(task_id="b")
