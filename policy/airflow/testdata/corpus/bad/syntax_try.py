from airflow.sdk import DAG

try:
    dag = DAG("syntax_try")
tags = []
