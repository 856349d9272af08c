import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("condition", schedule=None):
    a = EmptyOperator(task_id="a")
    if os.environ.get("STAGE") == "prod":
        b = EmptyOperator(task_id="b")
        a >> b >> a
