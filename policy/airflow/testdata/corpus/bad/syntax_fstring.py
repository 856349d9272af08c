from airflow.sdk import DAG

dag = DAG(f"syntax_{}")
