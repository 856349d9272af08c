from airflow.sdk import DAG, Label, chain, chain_linear, cross_downstream
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("chains", schedule="0 0 1 */3 *") as dag:
    t = [EmptyOperator(task_id=f"t{i}") for i in range(10)]
    chain(t[0], [t[1], t[2]], [t[3], t[4]], t[5])
    chain_linear(t[5], [t[6], t[7]], [t[8], t[9]])
    u = EmptyOperator(task_id="u")
    v = EmptyOperator(task_id="v")
    cross_downstream([t[8], t[9]], [u, v])
    w = EmptyOperator(task_id="w")
    u >> Label("all is well") >> w
    w << Label("or not") << v
