from airflow.sdk import dag


@dag(schedule="*/0 * * * *")
def schedule_step_zero():
    pass


schedule_step_zero()
