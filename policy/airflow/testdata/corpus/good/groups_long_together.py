from airflow.sdk import DAG, TaskGroup
with DAG("a13"):
    with TaskGroup("x"*150):
        with TaskGroup("y"*150): pass
