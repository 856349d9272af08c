from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("load_argument_misspelt", schedule=None):
    BashOperator(task_id="a", bash_command="true", bash_comand="false")
