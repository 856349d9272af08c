from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("argument_misspelt", schedule=None, start_date=datetime(2026, 1, 1)):
    BashOperator(task_id="a", bash_command="true", bash_comand="false")
