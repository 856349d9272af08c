from airflow.sdk import DAG

dag = DAG("schedule_preset", schedule="@dayly")
