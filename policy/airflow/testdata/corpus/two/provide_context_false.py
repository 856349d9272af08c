from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG("provide_context_false", schedule=None, start_date=datetime(2026, 1, 1)):
    PythonOperator(task_id="a", python_callable=print, provide_context=False)
