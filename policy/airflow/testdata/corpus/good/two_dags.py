from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("two_dags_a", schedule="@hourly"):
    EmptyOperator(task_id="same")

with DAG("two_dags_b", schedule=None):
    EmptyOperator(task_id="same")
