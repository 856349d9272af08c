from airflow.sdk import dag, task


@dag(schedule=None)
def task_id_taskflow_characters():
    @task(task_id="load/orders")
    def load():
        pass

    load()


task_id_taskflow_characters()
