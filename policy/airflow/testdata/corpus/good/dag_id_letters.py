from airflow.sdk import DAG
dag = DAG("größe_数据_½²")
