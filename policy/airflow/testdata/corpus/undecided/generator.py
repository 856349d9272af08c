from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def tasks():
    yield EmptyOperator(task_id="a")
    yield EmptyOperator(task_id="b")


with DAG("generator", schedule=None):
    for task in tasks():
        task
