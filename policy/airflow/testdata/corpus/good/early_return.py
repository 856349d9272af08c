from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


def fill(names, skip=()):
    made = []
    for name in names:
        if name in skip:
            continue
        if name == "stop":
            break
        made.append(EmptyOperator(task_id=name))
    else:
        return made
    return made[:1]


with DAG("early_return", schedule=None):
    fill(["a", "a2", "stop", "a"]) + fill(["b", "a"], skip=["a"])
