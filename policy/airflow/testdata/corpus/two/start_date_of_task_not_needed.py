from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("start_date_of_task", schedule=None):
    EmptyOperator(task_id="a", start_date=datetime(2026, 1, 1))
