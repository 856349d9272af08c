from airflow.sdk import DAG, chain, Label
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a33") as d:
    a,b,c,e=[EmptyOperator(task_id=x) for x in "abce"]
    chain(a, [Label("x"), Label("y")], [b, c], e)
