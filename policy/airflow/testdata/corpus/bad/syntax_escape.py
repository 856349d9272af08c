from airflow.sdk import DAG

dag = DAG("syntax_escape", description="C:\Users\data")
