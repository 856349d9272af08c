import json

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("edge_unknown", schedule=None) as dag:
    names = json.loads('["a", "b"]')
    tasks = {name: EmptyOperator(task_id=name) for name in names}
    end = EmptyOperator(task_id="end")
    tasks["a"] >> end
