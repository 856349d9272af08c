from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("diamond", schedule=None):
    tasks = {n: EmptyOperator(task_id=n) for n in ["a", "b", "c", "d"]}
    tasks["a"] >> [tasks["b"], tasks["c"]] >> tasks["d"]
    tasks["a"] >> tasks["d"]
    tasks["a"] >> tasks["d"]
