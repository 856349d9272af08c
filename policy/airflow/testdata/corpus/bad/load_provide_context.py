from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

with DAG("load_provide_context", schedule=None):
    PythonOperator(task_id="a", python_callable=print, provide_context=True)
