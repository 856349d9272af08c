from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("task_id_missing", schedule=None):
    BashOperator(bash_command="true")
