from datetime import datetime

from airflow.models.dag import DAG
from airflow.operators.bash import BashOperator

dag = DAG("dag_argument", start_date=datetime(2026, 1, 1), schedule="@daily")

one = BashOperator(task_id="one", bash_command="true", dag=dag)
two = BashOperator(task_id="two", bash_command="true", dag=dag)
two.set_upstream(one)
three = BashOperator(task_id="three", bash_command="true", dag=dag)
two.set_downstream([three])
