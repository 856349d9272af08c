"""Nothing calls the function with @dag: Airflow finds no DAG, and refuses nothing."""
from airflow.sdk import dag, task


@dag(dag_id="not allowed at all !", schedule="nonsense")
def never():
    @task
    def a():
        pass

    a()
