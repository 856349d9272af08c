from airflow.sdk import DAG
from task_id_shared import tasks

with DAG("task_id_imports", schedule=None):
    tasks()
