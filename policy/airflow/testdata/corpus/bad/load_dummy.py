from airflow.sdk import DAG
from airflow.operators.dummy import DummyOperator

with DAG("load_dummy", schedule=None):
    DummyOperator(task_id="a")
