import airflow.sdk as af
import airflow.providers.standard.operators.empty
from airflow.providers.standard.operators.bash import BashOperator as Bash

with af.DAG("aliases", schedule="@daily") as d:
    airflow.providers.standard.operators.empty.EmptyOperator(task_id="a") >> Bash(task_id="b", bash_command="true")

    @af.task(task_id="c")
    def work():
        pass

    work()
