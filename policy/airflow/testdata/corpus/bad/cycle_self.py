from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_self", schedule=None):
    a = EmptyOperator(task_id="a")
    a >> a
