from typing import cast

from airflow.sdk import DAG, XComArg, task
from airflow.providers.standard.operators.empty import EmptyOperator


@task
def b(x):
    pass


with DAG("cycle_cast", schedule=None):
    a = EmptyOperator(task_id="a")
    c = b(cast(str, XComArg(a)))
    c >> a
