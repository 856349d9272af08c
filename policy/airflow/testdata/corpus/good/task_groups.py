from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("task_groups", schedule="@weekly") as dag:
    start = EmptyOperator(task_id="start")
    with TaskGroup("left") as left:
        a = EmptyOperator(task_id="work")
        b = EmptyOperator(task_id="check")
        a >> b
    with TaskGroup(group_id="right", tooltip="the other side") as right:
        EmptyOperator(task_id="work")
        with TaskGroup("inner"):
            EmptyOperator(task_id="work")
    end = EmptyOperator(task_id="end")
    start >> left >> right >> end
