from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_empty_group", schedule=None):
    a = EmptyOperator(task_id="a")
    with TaskGroup("nothing") as nothing:
        pass
    a >> nothing
    nothing >> a
