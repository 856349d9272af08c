from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("a.b-c_D9." + "x" * 241, schedule=None):
    EmptyOperator(task_id="t.a-s_k.1")
    EmptyOperator(task_id="größe")
    EmptyOperator(task_id="数据")
    EmptyOperator(task_id="y" * 250)
    EmptyOperator(task_id="line\n")
    with TaskGroup("g-_1" + "z" * 196):
        EmptyOperator(task_id="a")
