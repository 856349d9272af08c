from airflow.sdk import asset
@asset(schedule="nope", dag_id="x")
def thing(): pass
