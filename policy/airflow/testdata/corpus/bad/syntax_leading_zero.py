from datetime import datetime
from airflow.sdk import DAG

dag = DAG("syntax_leading_zero", start_date=datetime(2026, 01, 01))
