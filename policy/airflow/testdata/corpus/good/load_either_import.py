try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
try:
    from airflow.operators.dummy import DummyOperator as Nothing
except ImportError:
    from airflow.providers.standard.operators.empty import EmptyOperator as Nothing

with DAG("load_either_import", schedule=None):
    Nothing(task_id="a") >> Nothing(task_id="b")
