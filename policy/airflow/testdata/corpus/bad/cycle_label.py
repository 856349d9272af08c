from airflow.sdk import DAG, Label
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("cycle_label", schedule=None):
    a = EmptyOperator(task_id="a")
    b = EmptyOperator(task_id="b")
    a >> Label("there") >> b
    b >> Label("and back") >> a
