from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable
dag = DAG("a28", schedule=CronTriggerTimetable("nope", timezone="UTC"))
