import os

from airflow.sdk import DAG

dag = DAG("schedule_unknown", schedule=os.environ.get("SCHEDULE"))
