import os

from airflow.sdk import DAG

dag = DAG("schedule_one_way_bad", schedule="nonsense" if os.environ.get("NOPE") else "@daily")
