import os

from airflow.sdk import DAG

dag = DAG(os.environ.get("DAG_NAME", "from_environment"), schedule=None)
