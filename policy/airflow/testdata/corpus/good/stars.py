from airflow.sdk import DAG, chain
from airflow.providers.standard.operators.empty import EmptyOperator
def mk(*names, **kw): return [EmptyOperator(task_id=n, **kw) for n in names]
with DAG("a47"):
    chain(*mk("a", "b", retries=2), *[EmptyOperator(task_id=c) for c in ("c",)])
    first, *rest = mk("x", "y", "z")
    first >> rest
