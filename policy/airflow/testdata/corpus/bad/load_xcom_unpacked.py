from airflow.sdk import DAG, task, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator


@task(multiple_outputs=True)
def pair():
    return {"a": 1, "b": 2}


with DAG("load_xcom_unpacked", schedule=None):
    a, b = pair()
