from airflow.sdk import DAG

dag = DAG("across_one", schedule=None)
