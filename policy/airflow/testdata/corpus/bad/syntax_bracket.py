from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("syntax_bracket", schedule=None) as dag:
    a = EmptyOperator(task_id="a"
    b = EmptyOperator(task_id="b")
