from airflow.models.baseoperator import chain_linear
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_chain_linear", schedule=None):
    a, b, c = [EmptyOperator(task_id=x) for x in ("a", "b", "c")]
    chain_linear([a, b], c, a)
