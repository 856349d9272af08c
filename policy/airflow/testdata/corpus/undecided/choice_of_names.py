import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

if os.environ.get("STAGE") == "prod":
    name = "b"
else:
    name = "a"
with DAG("choice_of_names", schedule=None):
    EmptyOperator(task_id=name)
    EmptyOperator(task_id="b")
