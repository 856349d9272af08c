from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
def make(n):
    t = EmptyOperator(task_id=f"t{n}")
    if n: make(n - 1) >> t
    return t
with DAG("a46"): make(5)
