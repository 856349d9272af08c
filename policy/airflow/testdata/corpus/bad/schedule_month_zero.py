from airflow.sdk import DAG

dag = DAG("schedule_month_zero", schedule="0 0 1 0 *")
