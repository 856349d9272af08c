from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_twice_in_loop", schedule=None):
    for table in ["orders", "rates", "orders"]:
        EmptyOperator(task_id=f"load_{table}")
