from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("dependency_by_id", schedule=None) as dag:
    EmptyOperator(task_id="a")
    EmptyOperator(task_id="b")

dag.set_dependency("a", "b")
dag.get_task("a").set_downstream(EmptyOperator(task_id="c", dag=dag))
