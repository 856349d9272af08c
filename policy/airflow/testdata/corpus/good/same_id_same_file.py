"""Airflow keeps the last DAG of a file with the same id, and says nothing."""
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("same_id_same_file", schedule=None) as first:
    EmptyOperator(task_id="a")
with DAG("same_id_same_file", schedule="@daily") as second:
    EmptyOperator(task_id="a")
