"""A task without a DAG gets that of the task it is connected to."""
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

dag = DAG("adopted", schedule=None)
a = EmptyOperator(task_id="a", dag=dag)
b = EmptyOperator(task_id="b")
a >> b
