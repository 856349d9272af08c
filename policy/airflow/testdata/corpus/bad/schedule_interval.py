from airflow.sdk import DAG

dag = DAG("schedule_interval", schedule_interval="@daily")
