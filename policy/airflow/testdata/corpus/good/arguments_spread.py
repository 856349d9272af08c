from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

common = {"bash_command": "true", "retries": 1}
settings = dict(dag_id="arguments_spread", schedule="@daily")
with DAG(**settings, catchup=False):
    for name in sorted({"b", "a"}):
        BashOperator(task_id=name, **common)
    BashOperator(**{**common, "task_id": "c"})
