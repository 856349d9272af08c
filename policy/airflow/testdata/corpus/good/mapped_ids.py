from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("a1"):
    BashOperator.partial(task_id="a b").expand(bash_command=["x"])
from airflow.sdk import DAG, task
with DAG("a2"):
    @task(task_id="a b")
    def f(x): pass
    f.expand(x=[1])
