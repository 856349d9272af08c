from airflow.sdk import DAG

with DAG("dag_task", schedule=None) as dag:

    @dag.task
    def a():
        pass

    @dag.task(task_id="b")
    def other():
        pass

    a() >> other()
