from airflow.sdk import dag


@dag(schedule=None)
def dag_id_two_files():
    pass


dag_id_two_files()
