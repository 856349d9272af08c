from airflow.sdk import DAG

dag = DAG("syntax_else")
else:
    pass
