from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG(dag_id="lists", schedule=None):
    a, b, c, d, e = (EmptyOperator(task_id=name) for name in "abcde")
    [a, b] >> c >> [d, e]
    (d, e) << a
