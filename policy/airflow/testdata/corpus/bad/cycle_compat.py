from airflow.sdk import DAG
from airflow.providers.common.compat.sdk import task


@task
def a(x=None):
    pass


with DAG("cycle_compat", schedule=None):
    one, two = a.override(task_id="one")(), a.override(task_id="two")()
    one >> two >> one
