from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_changed", schedule=None):
    a = EmptyOperator(task_id="a")
    a.doc_md = "fine"
    if a.task_id == "a":
        b = EmptyOperator(task_id=a.task_id + "_" + a.owner)
