from airflow.sdk import DAG
from .helpers import something

dag = DAG("load_relative", schedule=None)
