from airflow.sdk import DAG

dag = DAG("load orders/daily", schedule=None)
