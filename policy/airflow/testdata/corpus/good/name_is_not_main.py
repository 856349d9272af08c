from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("name_is_not_main", schedule=None) as dag:
    a = EmptyOperator(task_id="a")

if __name__ == "__main__":
    a >> a
    dag.test()
