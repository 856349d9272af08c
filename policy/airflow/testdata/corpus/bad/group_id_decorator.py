from airflow.sdk import dag, task_group
@dag(schedule=None)
def a15():
    @task_group(group_id="a.b")
    def g(): pass
    g()
a15()
