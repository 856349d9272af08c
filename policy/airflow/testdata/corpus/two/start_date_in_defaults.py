from datetime import datetime

from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("start_date_in_defaults", schedule=None, default_args={"start_date": datetime(2026, 1, 1)}):
    EmptyOperator(task_id="a")
