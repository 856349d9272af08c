from airflow.sdk import DAG, BaseOperator


class Numbered(BaseOperator):
    count = 0

    def __init__(self, **kwargs):
        Numbered.count += 1
        super().__init__(task_id=f"n{Numbered.count}", **kwargs)

    def execute(self, context):
        pass


with DAG("own_naming", schedule=None):
    Numbered() >> Numbered()
