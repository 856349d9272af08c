from airflow.sdk import asset
@asset(schedule=None, name="a/b c")
def thing(): pass
# dag
