from airflow.sdk import DAG
from airflow.providers.common.compat.sdk import task


@task(task_id="not one")
def a():
    pass


with DAG("task_id_compat", schedule=None):
    a()
