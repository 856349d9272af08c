from datetime import datetime

from airflow.sdk import DAG

dag = DAG("schedule_datetime", schedule=datetime(2026, 1, 1))
