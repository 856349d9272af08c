import functools

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def twice(f):
    @functools.wraps(f)
    def inner(*args):
        f(*args, "1")
        return f(*args, "2")

    return inner


@twice
def make(name, suffix):
    return EmptyOperator(task_id=name + suffix)


with DAG("decorator_of_its_own", schedule=None):
    make("a")
