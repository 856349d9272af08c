from airflow.sdk import DAG, BaseOperator


class Twice(BaseOperator):
    def __init__(self, *, stage, **kwargs):
        if stage == "never":
            super().__init__(**kwargs)
        else:
            kwargs["task_id"] += "_" + stage * len(stage)
            super().__init__(**{**kwargs, "task_id": "_".join([kwargs["task_id"], str(len(globals()) > 0)])})

    def execute(self, context):
        pass


with DAG("init_calls_twice", schedule=None):
    Twice(stage="a", task_id="x") >> Twice(stage="b", task_id="x")
