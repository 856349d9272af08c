"""Whether Airflow takes it depends on how it is configured."""
from airflow.sdk import DAG

dag = DAG("schedule_continuous_default", schedule="@continuous")
