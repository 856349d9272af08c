from airflow.sdk import DAG, setup, task, teardown
from airflow.providers.standard.operators.bash import BashOperator

with DAG("setup_teardown", schedule=None):
    create = BashOperator(task_id="create", bash_command="true").as_setup()
    work = BashOperator(task_id="work", bash_command="true")
    delete = BashOperator(task_id="delete", bash_command="true").as_teardown(setups=create)
    create >> work >> delete

    @setup
    def begin():
        return 1

    @teardown
    def finish(x):
        pass

    @task
    def inner():
        pass

    b = begin()
    with finish(b) as scope:
        inner()
