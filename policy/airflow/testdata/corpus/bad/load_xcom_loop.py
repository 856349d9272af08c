from airflow.sdk import DAG, task, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator


@task
def several():
    return [1, 2]


with DAG("load_xcom_loop", schedule=None):
    for i in several():
        EmptyOperator(task_id=f"t{i}")
