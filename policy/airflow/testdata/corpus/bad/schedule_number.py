from airflow.sdk import DAG

dag = DAG("schedule_number", schedule=3600)
