from airflow import DAG
from airflow.datasets import Dataset
from airflow.operators.empty import EmptyOperator

with DAG("no_start_date_dataset", schedule=[Dataset("s3://a")]):
    EmptyOperator(task_id="a")
