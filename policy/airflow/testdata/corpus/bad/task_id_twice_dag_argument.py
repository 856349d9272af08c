from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

dag = DAG("task_id_twice_dag_argument", schedule=None)
EmptyOperator(task_id="a", dag=dag)
EmptyOperator(task_id="a", dag=dag)
