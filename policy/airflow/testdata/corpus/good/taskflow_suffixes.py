"""A task that is called again gets a number: that is no duplicate."""
from airflow.sdk import dag, task
from airflow.providers.standard.operators.empty import EmptyOperator


@dag(schedule=None)
def taskflow_suffixes():
    @task
    def add(x):
        return x + 1

    @task(task_id="fixed")
    def fixed():
        pass

    first = add(1)
    second = add(first)
    third = add(second)
    fixed()
    fixed()
    add.override(task_id="other")(third)
    add.override(task_id="other")(third)
    # The number of the first repetition is taken by none of the above.
    EmptyOperator(task_id="add__9")
    add(third)


taskflow_suffixes()
