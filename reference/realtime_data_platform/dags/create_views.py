"""An Airflow DAG that creates each view of `sql/views` in Trino once a day: copy this folder into Airflow's DAG folder.

Airflow 3 needs the packages `apache-airflow-providers-trino` and `apache-airflow-providers-common-sql`, and a
connection `trino`: `AIRFLOW_CONN_TRINO='{"conn_type": "trino", "host": "trino", "port": 8080, "login": "airflow"}'`.

A view is a statement in a file of its own, and becomes a task of the file's name. Begin it with CREATE OR REPLACE VIEW:
then a task that is tried again, or a run that is started again, leaves the same view. Build such views on the exact
view of a table, which `data-platform apply` creates. Do not create the exact view itself here: `data-platform compact`
replaces its text, and a copy of an earlier text would read changes that Pinot has no longer.

While Trino or a source is down, a task waits for Airflow's `core.default_task_retry_delay` and is tried again.
"""

# mypy: ignore-errors
# Airflow is in an environment of its own.

from pathlib import Path

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG

VIEWS = Path(__file__).parent / "sql" / "views"

with DAG(
    dag_id="create_views",
    schedule="@daily",
    # A fixed date: Airflow reads this file again and again, and the start date must not change in between.
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 24},
):
    for view in sorted(VIEWS.glob("*.sql")):
        SQLExecuteQueryOperator(task_id=view.stem, conn_id="trino", sql=f"sql/views/{view.name}")
