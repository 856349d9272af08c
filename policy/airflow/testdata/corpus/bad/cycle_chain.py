from airflow.sdk import DAG, chain
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_chain", schedule=None):
    a, b, c, d = [EmptyOperator(task_id=x) for x in ("a", "b", "c", "d")]
    chain([a, b], [c, d])
    chain(c, b)
    d >> a
