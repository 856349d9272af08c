from airflow.sdk import DAG

with DAG("schedule_four_fields", schedule="0 6 * *"):
    pass
