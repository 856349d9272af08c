from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
d = DAG("a38")
with d: EmptyOperator(task_id="a")
with d: EmptyOperator(task_id="b")
