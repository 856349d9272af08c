from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_groups", schedule=None):
    with TaskGroup("one") as one:
        a = EmptyOperator(task_id="a")
    with TaskGroup("two") as two:
        b = EmptyOperator(task_id="b")
    end = EmptyOperator(task_id="end")
    one >> two >> end
    end >> one
