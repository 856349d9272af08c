from airflow.sdk import DAG

with DAG("dag_id_two_files", schedule=None):
    pass
