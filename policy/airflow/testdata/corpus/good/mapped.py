from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

with DAG("mapped", schedule=None) as dag:

    @task
    def files():
        return ["a", "b"]

    @task
    def read(path, mode):
        return path + mode

    @task
    def total(all_of_it):
        return len(all_of_it)

    read_all = read.partial(mode="r").expand(path=files())
    total(read_all)
    BashOperator.partial(task_id="each", do_xcom_push=False).expand(bash_command=["echo 1", "echo 2"])
    BashOperator.partial(task_id="from_task").expand_kwargs([{"bash_command": "true"}])
