# -*- coding: utf-8 -*-
from airflow.sdk import DAG; from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("layout", schedule=None) as dag:
	tabs = EmptyOperator(task_id="tabs")
	if True: other = \
	    EmptyOperator(task_id="other")
	text = """
unindented "quotes" and 'others' # no comment
	"""
	tabs >> (
other
    # a comment in between
    )

	def nested(a, b=(1,
2), *, c=None):
		return {
'a': a, "b": f'{b}' f"{c!r:>10}" rf"\d{a}",
}
print("done", end=""); x = 0xFF + 0o17 + 0b1 + 1_000 + 1e3 + 1j + .5
