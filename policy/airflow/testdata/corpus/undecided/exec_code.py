from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("exec_code", schedule=None):
    EmptyOperator(task_id="a")
    exec("EmptyOperator(task_id='a2')")
