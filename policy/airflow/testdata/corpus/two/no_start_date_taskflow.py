from airflow.decorators import dag, task


@dag(schedule="@once")
def no_start_date_taskflow():
    @task
    def a():
        return 1

    a()


no_start_date_taskflow()
