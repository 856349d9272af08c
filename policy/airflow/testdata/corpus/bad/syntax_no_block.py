from airflow.sdk import DAG

def make():
dag = DAG("syntax_no_block", schedule=None)
