from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a8") as dag:
    a = EmptyOperator(task_id="a")
    dag._remove_task("a")
    EmptyOperator(task_id="a")
