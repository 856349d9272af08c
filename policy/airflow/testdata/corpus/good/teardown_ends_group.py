from airflow.sdk import DAG, TaskGroup
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a49"):
    with TaskGroup("g") as g:
        s = EmptyOperator(task_id="s").as_setup()
        w = EmptyOperator(task_id="w")
        t = EmptyOperator(task_id="t").as_teardown(setups=s)
        t2 = EmptyOperator(task_id="t2").as_teardown()
        s >> w >> [t, t2]
    x = EmptyOperator(task_id="x")
    g >> x
