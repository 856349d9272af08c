from airflow.sdk import DAG

dag = DAG(“syntax_smart_quotes”, schedule=None)
