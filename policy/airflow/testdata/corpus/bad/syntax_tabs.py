from airflow.sdk import DAG

with DAG("syntax_tabs", schedule=None):
        a = 1
	b = 2
