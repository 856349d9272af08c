from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
d = DAG("a34")
a = EmptyOperator(task_id="a")
b = EmptyOperator(task_id="b")
a.dag = d
b.dag = d
a >> b
