from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator


class Builder:
    def __init__(self, name):
        self.dag = DAG(name, schedule=None)

    def add(self, task_id):
        EmptyOperator(task_id=task_id, dag=self.dag)
        return self


builder = Builder("builder_class").add("a").add("b")
dag = builder.dag
