from airflow.sdk import DAG

dag = DAG("across_two", schedule=None)
