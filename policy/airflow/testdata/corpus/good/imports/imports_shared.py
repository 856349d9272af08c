"""What a DAG of airflow needs."""
from airflow.sdk import task
from airflow.providers.standard.operators.empty import EmptyOperator

names = ["a", "b"]


@task
def mail(name):
    print(name)


def end():
    return EmptyOperator(task_id="end")
