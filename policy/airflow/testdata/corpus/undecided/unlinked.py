from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a9") as dag:
    a = EmptyOperator(task_id="a")
    b = EmptyOperator(task_id="b")
    a >> b >> a
    b.downstream_task_ids.clear()
