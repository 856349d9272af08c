from airflow.sdk import DAG
from load_shared import nothing

dag = DAG("load_imports", schedule=None)
