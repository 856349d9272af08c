from airflow.sdk import DAG
dag = DAG("e\u0301")
