from airflow.sdk import DAG
dag = DAG("a20", schedule={})
