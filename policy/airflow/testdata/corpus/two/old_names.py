from datetime import datetime

from airflow import DAG
from airflow.operators.dummy import DummyOperator
from airflow.operators.python_operator import PythonOperator

with DAG("old_names", schedule_interval="@daily", start_date=datetime(2026, 1, 1), concurrency=2) as dag:
    DummyOperator(task_id="a") >> PythonOperator(task_id="b", python_callable=print, provide_context=True)
