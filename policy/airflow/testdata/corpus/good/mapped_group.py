from airflow.sdk import dag, task, task_group


@dag(schedule=None)
def mapped_group():
    @task
    def names():
        return ["a", "b"]

    @task
    def work(x):
        return x

    @task_group
    def each(x):
        work(work(x))

    each.expand(x=names())


mapped_group()
