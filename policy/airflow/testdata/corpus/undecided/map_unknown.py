from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("map_unknown", schedule=None):
    made = list(filter(None, map(lambda i: EmptyOperator(task_id=f"t{i}"), range(3))))
    made[0] >> made[1]
