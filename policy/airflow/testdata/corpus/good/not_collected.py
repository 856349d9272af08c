"""A DAG in no variable is not found, so that its schedule and its cycles are not looked at."""
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def make():
    lost = DAG("not_collected", schedule="nonsense")
    a = EmptyOperator(task_id="a", dag=lost)
    b = EmptyOperator(task_id="b", dag=lost)
    a >> b >> a
    return lost


dags = [make()]
