from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("a35") as d:
    a = BashOperator(task_id="a", bash_command="x")
    b = BashOperator(task_id="b", bash_command="x")
    b.bash_command = a.output
    b >> a
