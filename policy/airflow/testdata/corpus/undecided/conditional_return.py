import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def fill():
    EmptyOperator(task_id="a")
    if os.environ.get("SHORT", "1"):
        return
    EmptyOperator(task_id="a")


with DAG("conditional_return", schedule=None):
    fill()
