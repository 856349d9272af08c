from airflow.sdk import DAG

dag = DAG("schedule_words", schedule="every day")
