from airflow.sdk import *
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("star_import", schedule=None):
    a = EmptyOperator(task_id="a")
    b = EmptyOperator(task_id="b")
    chain(a, b)
