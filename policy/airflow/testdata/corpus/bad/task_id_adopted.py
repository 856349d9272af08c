from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

dag = DAG("task_id_adopted", schedule=None)
a = EmptyOperator(task_id="a", dag=dag)
b = EmptyOperator(task_id="a")
a >> b
