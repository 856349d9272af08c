from airflow.sdk import DAG, BaseOperator
import itertools
c = itertools.count()
def rename(cls):
    class Sub(cls):
        def __init__(self, **kw): super().__init__(**{**kw, "task_id": f"t{next(c)}"})
    return Sub
@rename
class Op(BaseOperator):
    def execute(self, context): pass
with DAG("a14"):
    Op(task_id="a"); Op(task_id="a")
