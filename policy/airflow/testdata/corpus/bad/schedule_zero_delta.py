from datetime import timedelta

from airflow.sdk import DAG

dag = DAG("schedule_zero_delta", schedule=timedelta(hours=-1))
