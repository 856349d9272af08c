from airflow.decorators import dag, task


@dag("taskflow_old_imports", schedule=None)
def make():
    @task.python
    def one():
        return 1

    @task.branch
    def pick(x):
        return "yes"

    @task(task_id="yes")
    def affirm():
        pass

    @task(task_id="no")
    def deny():
        pass

    pick(one()) >> [affirm(), deny()]


made = make()
