from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("a5"):
    BashOperator.partial(retries=5).expand(bash_command=["x"])
