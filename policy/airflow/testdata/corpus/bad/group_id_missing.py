from airflow.sdk import DAG, TaskGroup

with DAG("group_id_missing", schedule=None):
    with TaskGroup(tooltip="none"):
        pass
