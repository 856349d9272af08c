from airflow.sdk import DAG, TaskGroup
from airflow.utils.edgemodifier import Label
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("label_between_groups", schedule=None):
    a = EmptyOperator(task_id="a")
    with TaskGroup("g") as g:
        b = EmptyOperator(task_id="b")
        c = EmptyOperator(task_id="c")
        b >> c
    d = EmptyOperator(task_id="d")
    a >> Label("in") >> g >> Label("out") >> d
