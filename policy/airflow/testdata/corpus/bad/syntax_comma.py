from airflow.sdk import DAG

dag = DAG(
    "syntax_comma",
    schedule="@daily"
    catchup=False,
)
