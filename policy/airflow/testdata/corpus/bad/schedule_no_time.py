from airflow.sdk import DAG
from datetime import timedelta
dag = DAG("a24", schedule=timedelta())
