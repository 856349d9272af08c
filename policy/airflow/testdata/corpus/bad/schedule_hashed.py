from airflow.sdk import DAG

dag = DAG("schedule_hashed", schedule="H H * * *")
