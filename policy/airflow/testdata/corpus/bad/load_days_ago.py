from airflow.sdk import DAG
from airflow.utils.dates import days_ago

dag = DAG("load_days_ago", schedule=None, start_date=days_ago(1))
