from datetime import timedelta

from dateutil.relativedelta import relativedelta
from airflow.sdk import DAG, Asset, CronTriggerTimetable, DeltaTriggerTimetable
from airflow.providers.standard.operators.empty import EmptyOperator

crons = [
    "@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "@midnight", "@annually", "@DAILY",
    "* * * * *", "*/5 * * * *", "0 9-17 * * mon-fri", "0 0 1,15 * *", "15 14 1 jan-mar *", "0 0 * * 7", "0 0 l * *",
    "0 0 * * 1#2", "0 0 * * l5", "0 0 ? * 1", "0 0 * * * 30", "0 0 * * * 0 2026-2030", "30 2 * * sat,sun", "50-10 * * * *",
    "0 0 15w * *", "5/15 * * * *", " 0 0 * * * ", "0 0 29 2 *", "0 0 31 2 *", "0 22-4 * * *", "r r * * *", "0 0 * * fri-mon",
]
for i, cron in enumerate(crons):
    globals()[f"dag_{i}"] = DAG(f"schedule_{i}", schedule=cron)

none = DAG("schedule_none", schedule=None)
delta = DAG("schedule_delta", schedule=timedelta(hours=6))
relative = DAG("schedule_relative", schedule=relativedelta(months=1))
assets = DAG("schedule_assets", schedule=[Asset("s3://bucket/key"), Asset("other")])
either = DAG("schedule_either", schedule=Asset("a") | Asset("b"))
empty = DAG("schedule_empty_list", schedule=[])
table = DAG("schedule_timetable", schedule=CronTriggerTimetable("0 1 * * 3", timezone="UTC"))
often = DAG("schedule_often", schedule=DeltaTriggerTimetable(timedelta(minutes=30)))
default = DAG("schedule_default")
with DAG("schedule_continuous", schedule="@continuous", max_active_runs=1):
    EmptyOperator(task_id="a")
