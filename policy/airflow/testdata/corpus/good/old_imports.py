from airflow.models import DAG
from airflow.operators.python import PythonOperator
from airflow.operators.empty import EmptyOperator
from airflow.models.baseoperator import chain
from airflow.utils.task_group import TaskGroup
from airflow.utils.edgemodifier import Label
from airflow.decorators import task, dag, task_group
with DAG("a32") as d:
    with TaskGroup("g") as g:
        a = PythonOperator(task_id="a", python_callable=print)
    chain(g, Label("x"), EmptyOperator(task_id="b"))
