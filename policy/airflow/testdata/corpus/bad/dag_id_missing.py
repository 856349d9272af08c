from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG(schedule="@daily") as dag:
    EmptyOperator(task_id="a")
