from airflow.sdk import DAG, CronTriggerTimetable

dag = DAG("schedule_timetable_bad", schedule=CronTriggerTimetable("61 * * * *", timezone="UTC"))
