from airflow.sdk import DAG, TaskGroup
with DAG("a11"):
    with TaskGroup(""): pass
