from datetime import datetime

from airflow import DAG

dag = DAG("schedule_interval_wrong", schedule_interval="0 24 * * *", start_date=datetime(2026, 1, 1))
