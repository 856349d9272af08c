from airflow.sdk import DAG

dag = DAG("schedule_continuous_bad", schedule="@continuous", max_active_runs=4)
