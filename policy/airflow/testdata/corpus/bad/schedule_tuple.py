from airflow.sdk import DAG
dag = DAG("a18", schedule=("@daily",))
