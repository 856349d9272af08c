from airflow.sdk import DAG

dag = DAG("syntax_repeated_keyword", schedule=None, tags=["a"], schedule="@daily")
