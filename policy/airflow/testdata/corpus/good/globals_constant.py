from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

for stage in ("dev", "prod"):
    made = DAG(f"globals_{stage}", schedule=None)
    EmptyOperator(task_id="a", dag=made)
    globals()[f"dag_{stage}"] = made
