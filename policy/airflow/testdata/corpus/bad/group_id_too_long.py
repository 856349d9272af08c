from airflow.sdk import DAG, TaskGroup
with DAG("a12"):
    with TaskGroup("x"*201): pass
