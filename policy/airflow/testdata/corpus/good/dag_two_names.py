from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
d = e = DAG("a39")
EmptyOperator(task_id="a", dag=e)
(f := DAG("a40"))
EmptyOperator(task_id="a", dag=f)
