from airflow.sdk import DAG, BaseOperator, task
from airflow.providers.standard.operators.empty import EmptyOperator
import importlib

kinds = importlib.import_module("airflow.providers.standard.operators.empty")


@task(task_id="not one")
def a():
    pass


with DAG("task_id_after_imported", schedule=None):
    kinds.EmptyOperator(task_id="x")
    a()
