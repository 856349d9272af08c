from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a36") as d:
    EmptyOperator(task_id="a")
    with DAG("a37") as e:
        EmptyOperator(task_id="a")
    EmptyOperator(task_id="b")
