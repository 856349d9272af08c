from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("a3"):
    BashOperator.partial(task_id="a").expand(bash_command=["x"])
    BashOperator.partial(task_id="a").expand(bash_command=["x"])
