from airflow.sdk import DAG, task
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_id_after_taskflow", schedule=None):

    @task
    def work():
        pass

    work()
    work()
    EmptyOperator(task_id="work__1")
