from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("task_id_characters", schedule=None):
    BashOperator(task_id="load orders", bash_command="true")
