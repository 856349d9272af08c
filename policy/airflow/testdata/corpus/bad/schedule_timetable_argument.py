from airflow.sdk import DAG, CronTriggerTimetable

dag = DAG("schedule_timetable_argument", timetable=CronTriggerTimetable("0 0 * * *", timezone="UTC"))
