from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator


def step(name, *, after=None, **kwargs):
    made = BashOperator(task_id=f"step_{name}", bash_command="true", **kwargs)
    if after is not None:
        after >> made
    return made


def make_dag(dag_id, schedule="@daily"):
    with DAG(dag_id, schedule=schedule) as made:
        a = step("a")
        b = step("b", after=a, retries=3)
        step("c", after=b)
    return made


first = make_dag("helper_first")
second = make_dag("helper_second", schedule=None)
