from airflow.providers.common.compat.sdk import DAG, TaskGroup, task


@task
def a():
    pass


with DAG("compat", schedule=None):
    with TaskGroup("g") as g:
        a()
    g >> a.override(task_id="b")()
