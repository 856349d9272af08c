from airflow.sdk import DAG

with DAG("schedule_out_of_range", schedule="0 24 * * *"):
    pass
