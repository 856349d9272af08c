from airflow.sdk import DAG, cross_downstream
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_cross", schedule=None):
    a, b, c = [EmptyOperator(task_id=x) for x in ("a", "b", "c")]
    cross_downstream(from_tasks=[a, b], to_tasks=[b, c])
    c << b
