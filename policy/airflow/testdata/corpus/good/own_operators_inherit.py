from airflow.sdk import DAG, BaseOperator
class A(BaseOperator):
    template_fields = ("x",)
    def __init__(self, x=None, **kwargs):
        super().__init__(**kwargs)
        self.x = x
    def execute(self, context): pass
class B(A):
    def __init__(self, *, task_id, **kw):
        super().__init__(task_id="b_" + task_id, **kw)
with DAG("a43"):
    a = A(task_id="a")
    B(task_id="a", x=a.output) >> A(task_id="c")
