from airflow.sdk import DAG, MultipleCronTriggerTimetable
dag = DAG("a26", schedule=MultipleCronTriggerTimetable("nope", timezone="UTC"))
