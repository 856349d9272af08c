from airflow.sdk import dag, task, task_group


@dag(schedule=None)
def task_group_decorator():
    @task
    def one():
        return 1

    @task
    def double(x):
        return 2 * x

    @task_group
    def section(value):
        return double(double(value))

    @task_group(group_id="named", prefix_group_id=True)
    def other():
        one()
        one()

    first = section(one())
    second = section(first)
    second >> other() >> other()


task_group_decorator()
