from airflow.sdk import DAG
dag = DAG("a23", schedule=False)
