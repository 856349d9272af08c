from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("load_no_start_date_default"):
    EmptyOperator(task_id="a")
