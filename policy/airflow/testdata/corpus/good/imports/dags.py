from airflow.sdk import DAG, TaskGroup
import imports_shared
from imports_shared import mail, names as all_names

with DAG("imports", schedule=None):
    with TaskGroup("mails") as mails:
        for name in all_names:
            mail(name)
    mails >> imports_shared.end()
