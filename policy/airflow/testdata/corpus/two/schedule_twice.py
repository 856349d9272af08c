from datetime import datetime

from airflow import DAG

dag = DAG("schedule_twice", schedule="@daily", schedule_interval="@daily", start_date=datetime(2026, 1, 1))
