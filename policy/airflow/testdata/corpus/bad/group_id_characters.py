from airflow.sdk import DAG, TaskGroup

with DAG("group_id_characters", schedule=None):
    with TaskGroup("section.one"):
        pass
