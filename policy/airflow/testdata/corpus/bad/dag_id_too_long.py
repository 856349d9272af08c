from airflow.sdk import DAG

dag = DAG("x" * 251, schedule=None)
