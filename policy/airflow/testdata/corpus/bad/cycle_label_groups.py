from airflow.sdk import DAG, Label, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_label_groups", schedule=None):
    with TaskGroup("g"):
        a = EmptyOperator(task_id="a")
        b = EmptyOperator(task_id="b")
        a >> b
    c = EmptyOperator(task_id="c")
    c >> a
    a >> Label("goes from the whole group") >> c
