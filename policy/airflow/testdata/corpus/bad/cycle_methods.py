from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

dag = DAG("cycle_methods", schedule=None)
a = EmptyOperator(task_id="a", dag=dag)
b = EmptyOperator(task_id="b", dag=dag)
a.set_downstream(b)
a.set_upstream([b])
