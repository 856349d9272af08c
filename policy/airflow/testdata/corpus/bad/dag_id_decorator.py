from airflow.decorators import dag


@dag(dag_id="täglich: orders", schedule=None)
def make():
    pass


made = make()
