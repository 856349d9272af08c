from airflow.sdk import DAG

dag = DAG("schedule_empty", schedule="")
