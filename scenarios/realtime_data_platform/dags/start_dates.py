"""Daily DAGs of the published and the corrected start date, whose task does nothing.

Those named after intervals have the timetable that Airflow 2 has for each cron expression.
"""

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

START_DATES = {"published": pendulum.now("GMT"), "corrected": pendulum.datetime(2024, 1, 1, tz="UTC")}
SCHEDULES = {"daily": "@daily", "interval": CronDataIntervalTimetable("0 0 * * *", timezone="UTC")}

for name, schedule in SCHEDULES.items():
    for way, start_date in START_DATES.items():
        with DAG(
            dag_id=f"{name}_{way}",
            schedule=schedule,
            start_date=start_date,
            catchup=False,
            max_active_runs=1,
            is_paused_upon_creation=True,
        ):
            EmptyOperator(task_id="nothing")
