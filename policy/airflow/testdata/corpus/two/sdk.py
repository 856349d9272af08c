from airflow.sdk import DAG

dag = DAG("sdk", schedule=None)
