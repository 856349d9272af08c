import json
import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

settings = json.loads(os.environ.get("SETTINGS", '{"task_id": "a", "bash_command": "true"}'))
with DAG("kwargs_unknown", schedule=None):
    BashOperator(**settings)
