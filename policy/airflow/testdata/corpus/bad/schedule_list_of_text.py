from airflow.sdk import DAG

dag = DAG("schedule_list_of_text", schedule=["0 6 * * *", "0 18 * * *"])
