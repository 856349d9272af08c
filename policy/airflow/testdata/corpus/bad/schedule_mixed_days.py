from airflow.sdk import DAG

dag = DAG("schedule_mixed_days", schedule="0 0 * * 1#1,3")
