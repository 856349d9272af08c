# Made by Trunkline of the declaration of the project, whenever that is deployed.
from datetime import datetime, timezone

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable
from trunkline_airflow.assets import dataset
from trunkline_airflow.workload import WorkloadOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG(
    "orders.check",
    schedule=CronTriggerTimetable("0 6 * * *", timezone="Europe/Brussels"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["trunkline"],
):
    t0 = WorkloadOperator(
        task_id="check",
        workload="check",
        inlets=[dataset("orders/raw@1")],
    )
    t1 = WorkloadOperator(
        task_id="load",
        workload="load",
        outlets=[dataset("orders/raw@1"), dataset("orders/rest@2")],
    )
    t2 = WorkloadOperator(
        task_id="report",
        workload="report",
    )
    t1 >> t0
    t0 >> t2
    t1 >> t2

with DAG(
    "orders.poll",
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=16,
    is_paused_upon_creation=False,
    tags=["trunkline"],
):
    t0 = WorkloadOperator(
        task_id="poll",
        workload="poll",
    )
