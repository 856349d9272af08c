from airflow.sdk import DAG, BaseOperator


class Plain(BaseOperator):
    def execute(self, context):
        return self.task_id


class WithInit(BaseOperator):
    def __init__(self, table, **kwargs):
        super().__init__(task_id=f"load_{table}", **kwargs)

    def execute(self, context):
        pass


with DAG("own_operator", schedule=None):
    Plain(task_id="a") >> Plain(task_id="b") >> WithInit(table="x") >> WithInit(table="y")
