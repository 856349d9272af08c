from airflow.sdk import DAG, AssetOrTimeSchedule, Asset, CronTriggerTimetable
dag = DAG("a27", schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("nope", timezone="UTC"), assets=[Asset("a")]))
