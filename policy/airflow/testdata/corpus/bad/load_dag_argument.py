from airflow.sdk import DAG

dag = DAG("load_dag_argument", schedule=None, concurrency=3)
