from airflow.sdk import DAG, XComArg, task
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator

with DAG("xcom_arguments", schedule=None):
    make = PythonOperator(task_id="make", python_callable=lambda: "hello")
    show = BashOperator(task_id="show", bash_command=make.output)

    @task
    def use(values, named=None):
        return values

    use([make.output, show.output], named={"k": XComArg(make)}) >> BashOperator(task_id="last", bash_command="true")
