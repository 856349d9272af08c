from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("eval_code", schedule=None):
    EmptyOperator(task_id=eval("'a' + 'b'"))
