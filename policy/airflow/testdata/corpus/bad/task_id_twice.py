from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("task_id_twice", schedule=None):
    BashOperator(task_id="load", bash_command="true")
    BashOperator(task_id="load", bash_command="false")
