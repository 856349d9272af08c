import os

from airflow.sdk import DAG

if os.environ.get("STAGE") == "prod":
    schedule = "daily"
else:
    schedule = "hourly"
dag = DAG("schedule_both_ways", schedule=schedule)
