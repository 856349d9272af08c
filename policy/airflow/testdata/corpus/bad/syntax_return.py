from airflow.sdk import DAG

dag = DAG("syntax_return", schedule=None)
return dag
