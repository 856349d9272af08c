from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a45"):
    EmptyOperator(task_id="a")
def f():
    try:
        DAG("bad id")
    except ValueError:
        return None
    finally:
        pass
f()
