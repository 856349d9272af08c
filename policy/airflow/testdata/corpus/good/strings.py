from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

WHO = "world"
with DAG("strings", schedule=None):
    BashOperator(task_id="a" "b" 'c', bash_command=r"\n {{ ds }}" f"{{{{ ds }}}} {WHO}" "\x41\u0042\N{LATIN SMALL LETTER A}")
    BashOperator(task_id=f"hello_{WHO}_{1 + 1}", bash_command='''it's "fine"''')
    BashOperator(task_id=f"{'nested_' + 'quotes'}", bash_command=b"bytes".decode())
    BashOperator(task_id="{a}_{0}".format("x", a="y"), bash_command="")
