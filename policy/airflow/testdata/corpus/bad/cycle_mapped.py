from airflow.sdk import DAG, task

with DAG("cycle_mapped", schedule=None):

    @task
    def names():
        return [1]

    @task
    def work(x):
        return x

    n = names()
    w = work.expand(x=n)
    w >> n
