from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_loop", schedule=None):
    ring = [EmptyOperator(task_id=f"n{i}") for i in range(5)]
    for i in range(5):
        ring[i] >> ring[(i + 1) % 5]
