from airflow.sdk import DAG, task
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("classic_first", schedule=None):
    EmptyOperator(task_id="work")

    @task
    def work():
        pass

    work()
