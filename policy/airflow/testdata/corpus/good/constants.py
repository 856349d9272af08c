import os

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

TEAM = "data"
NAME = "_".join([TEAM, "platform", "v2"]).upper().lower()
VERBOSE = False


class Config:
    DAG_ID = NAME
    SCHEDULE = "*/15 * * * 1-5"
    tasks = ("one", "two")


with DAG(Config.DAG_ID, schedule=Config.SCHEDULE, tags=[os.environ.get("STAGE", "dev")]):
    for task_id in Config.tasks:
        EmptyOperator(task_id=task_id)
    if VERBOSE:
        EmptyOperator(task_id="one")
    else:
        EmptyOperator(task_id="three")
    EmptyOperator(task_id="four") if len(Config.tasks) == 2 else EmptyOperator(task_id="one")
