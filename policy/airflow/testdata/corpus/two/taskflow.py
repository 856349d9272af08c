from datetime import datetime

from airflow.decorators import dag, task


@dag(schedule_interval=None, start_date=datetime(2026, 1, 1))
def taskflow():
    @task
    def a():
        return 1

    @task
    def b(x):
        print(x)

    b(a())


taskflow()
