import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_loop_unknown_twice", schedule=None):
    for name in os.environ.get("TABLES", "a,a").split(","):
        EmptyOperator(task_id=f"load_{name}")
