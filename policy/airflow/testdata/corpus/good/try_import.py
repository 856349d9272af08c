try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

try:
    from airflow.operators.nothing_like_it import EmptyOperator
except ImportError:
    from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("try_import", schedule="@daily") as dag:
    EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
