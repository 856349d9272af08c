from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("start_date_not_needed", schedule=None):
    EmptyOperator(task_id="a")
