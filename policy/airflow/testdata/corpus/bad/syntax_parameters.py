from airflow.sdk import dag


@dag(schedule=None)
def syntax_parameters(a=1, b):
    pass


syntax_parameters()
