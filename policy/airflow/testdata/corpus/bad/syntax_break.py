from airflow.sdk import DAG

dag = DAG("syntax_break")
if dag:
    break
