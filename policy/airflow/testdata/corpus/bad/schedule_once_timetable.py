from airflow.sdk import DAG, CronTriggerTimetable
dag = DAG("a30", schedule=CronTriggerTimetable("@once", timezone="UTC"))
