"""What a DAG of airflow needs."""
from airflow.providers.standard.operators.empty import EmptyOperator


def tasks():
    EmptyOperator(task_id="not one")
