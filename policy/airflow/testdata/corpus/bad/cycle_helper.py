from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def link(left, right):
    left >> right
    return right


with DAG("cycle_helper", schedule=None):
    a = EmptyOperator(task_id="a")
    b = EmptyOperator(task_id="b")
    link(link(a, b), a)
