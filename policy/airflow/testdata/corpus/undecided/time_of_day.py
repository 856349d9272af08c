from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("time_of_day", schedule=None):
    a = EmptyOperator(task_id="a")
    EmptyOperator(task_id="b") if datetime.now().year > 2000 else a >> a
