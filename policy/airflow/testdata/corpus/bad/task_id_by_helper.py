from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def start(name="start"):
    return EmptyOperator(task_id=name)


with DAG("task_id_by_helper", schedule=None):
    start() >> start("middle") >> start()
