from airflow.sdk import DAG

dag = DAG(dag_id=2026, schedule=None)
