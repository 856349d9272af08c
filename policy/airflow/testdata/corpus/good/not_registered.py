from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def make():
    with DAG("not_registered", schedule="nonsense", auto_register=False):
        EmptyOperator(task_id="a")


make()
