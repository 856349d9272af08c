from airflow.sdk import dag


@dag(dag_id="", schedule=None)
def make():
    pass


make()
