from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("a48"):
    ts = {n: EmptyOperator(task_id=n) for n in ("a", "b", "c") if n != "b"}
    ts["a"] >> ts.get("c")
    assert "b" not in ts
    prev = None
    for t in ts.values():
        prev = prev and (prev >> t) or t
