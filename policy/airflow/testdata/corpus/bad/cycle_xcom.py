from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("cycle_xcom", schedule=None):
    a = BashOperator(task_id="a", bash_command="true")
    b = BashOperator(task_id="b", bash_command=a.output)
    b >> a
