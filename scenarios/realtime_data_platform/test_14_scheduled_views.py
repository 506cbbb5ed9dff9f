"""Airflow creates views in Trino each day: the operator, the start date, and a second run."""

from datetime import UTC, datetime, timedelta

import pytest

from fixtures.waiting import eventually
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.scheduler import PARSED_WITHIN, Scheduler

DAG = "create_views"
RUN_WITHIN = 60  # a DAG that is due is run within seconds of being unpaused
FILES = {"published": "as_published/create_views.py", "corrected": "create_views.py"}


@pytest.fixture(scope="module")
def scheduler(environment):
    """The client of Airflow. Airflow runs only for these tests, since even idle it uses a third of a core."""
    yield Scheduler(environment["airflow"])
    environment.stop("airflow")


@pytest.fixture(scope="module")
def sources(make_pipeline, scheduler):
    """The pipelines that the views read, after the scheduled run of the DAG that creates the views has ended."""
    person = make_pipeline("person").start("published")
    order = make_pipeline("order", ddl=published.ORDER_DDL)
    order.sql(
        'INSERT INTO "order" (customer_id, placed, amount) '
        "SELECT i, now() - make_interval(days => 200 * i), 1.5 * i FROM generate_series(1, 3) i"
    )
    order.start("corrected", people=[])
    scheduler.unpause(DAG)
    run, *_ = eventually(lambda: scheduler.scheduled(DAG), within=PARSED_WITHIN, every=0.5, message="a scheduled run")
    assert scheduler.ended(DAG, run["dag_run_id"]) == "success"
    yield person
    scheduler.pause(DAG)
    person.platform.trino.remove_view("hive.views.order_of_the_last_year")


def instant(text):
    return datetime.fromisoformat(text)


class TestOperator:
    @pytest.fixture
    def import_error(self, scheduler, way):
        """The import error of the DAG's file, published or corrected; None if Airflow could import it."""

        def read():
            # The two files define a DAG of the same name; the published one fails to be imported.
            errors = scheduler.import_errors()
            corrected_was_read = scheduler.dag(DAG) is not None or FILES["corrected"] in errors
            return corrected_was_read and FILES["published"] in errors and [errors]

        [errors] = eventually(read, within=PARSED_WITHIN, every=0.5, message="both files were read")
        return errors.get(FILES[way])

    @pytest.mark.claim("rdp-15", shows="published", fails_with="assert None is not None")
    def test_published_operator_cannot_be_imported(self, import_error, evidence):
        assert import_error is not None
        assert "ModuleNotFoundError: No module named 'airflow.providers.trino.operators'" in import_error
        evidence.text("the import error that Airflow shows", import_error)

    @pytest.mark.claim("rdp-15", shows="corrected", fails_with="assert .*ModuleNotFoundError.* is None")
    def test_common_sql_operator_is_imported(self, import_error, scheduler):
        assert import_error is None
        operators = {task["task_id"]: task["operator_name"] for task in scheduler.get(f"dags/{DAG}/tasks")["tasks"]}
        assert operators["person"] == "SQLExecuteQueryOperator"


class TestStartDate:
    @pytest.fixture
    def dag(self, scheduler, way):
        """Unpauses a DAG, published or corrected, and returns its full name; it is paused again after the test."""
        unpaused = []

        def unpause(name):
            unpaused.append(f"{name}_{way}")
            scheduler.unpause(unpaused[-1])
            return unpaused[-1]

        yield unpause
        for name in unpaused:
            scheduler.pause(name)

    @staticmethod
    def next_run(scheduler, name):
        """Return when the next run of a DAG is due."""
        return instant(scheduler.dag(name)["next_dagrun_run_after"])

    @pytest.mark.claim("rdp-18", shows="corrected", fails_with="assert '20.*' == '2024-01-01T00:00:00Z'")
    def test_start_date_of_the_dag_is_fixed(self, scheduler, way):
        name = {"published": "daily_published", "corrected": DAG}[way]
        eventually(lambda: scheduler.dag(name), within=PARSED_WITHIN, every=0.5, message=f"a DAG {name}")

        assert scheduler.get(f"dags/{name}/details")["start_date"] == "2024-01-01T00:00:00Z"

    @pytest.mark.claim("rdp-18", shows="published", fails_with=r"assert \[\{.* == \[\]")
    def test_each_parse_puts_off_a_run_from_now(self, scheduler, dag, evidence):
        name = dag("interval")
        read = set()

        def two_parses():
            said = scheduler.dag(name)
            read.add((said["last_parsed_time"], said["next_dagrun_run_after"]))
            return len(read) > 1

        eventually(two_parses, within=PARSED_WITHIN, every=0.5, message=f"another parse of {name}")

        assert scheduler.scheduled(name) == []
        assert all(instant(due) - instant(parsed) > timedelta(days=1) for parsed, due in read)
        evidence.json("when the daily run is due, by the time of a parse", dict(sorted(read)))

    @pytest.mark.claim("rdp-18", shows="corrected", fails_with="a scheduled run did not hold within")
    def test_interval_from_a_fixed_date_is_run(self, scheduler, dag):
        name = dag("interval")

        def succeeded():
            return [run for run in scheduler.scheduled(name) if run["state"] == "success"]

        eventually(succeeded, within=RUN_WITHIN, every=0.5, message="a scheduled run")

    @pytest.mark.claim("rdp-18", shows="published", fails_with=r"assert \[\{.* == \[\]")
    def test_daily_dag_from_now_is_not_due_today(self, scheduler, dag):
        before = datetime.now(UTC)
        name = dag("daily")
        parsed = scheduler.dag(name)["last_parsed_time"]
        eventually(lambda: scheduler.dag(name)["last_parsed_time"] > parsed, within=PARSED_WITHIN, every=0.5)

        assert scheduler.scheduled(name) == []
        assert self.next_run(scheduler, name).date() > before.date()

    @pytest.mark.claim("rdp-18", shows="corrected", fails_with="a scheduled run did not hold within")
    def test_daily_dag_from_a_fixed_date_runs_today(self, scheduler, dag):
        name = dag("daily")

        def succeeded():
            return [run for run in scheduler.scheduled(name) if run["state"] == "success"]

        run, *_ = eventually(succeeded, within=RUN_WITHIN, every=0.5, message="a scheduled run")
        assert instant(run["run_after"]).time() == datetime.min.time()


@pytest.mark.claim("rdp-8")
def test_airflow_shows_no_setting_and_no_secret(scheduler):
    airflow = scheduler.airflow
    assert scheduler.call("GET", "config").status_code == 403
    shown = airflow.log(100_000)
    for path in ("connections", "variables", "plugins", f"dags/{DAG}/details", f"dagSources/{DAG}", "jobs"):
        shown += scheduler.call("GET", path).text

    settings = airflow.service.environment(airflow.place)
    secrets = [value for name, value in settings.items() if name.endswith(("_SECRET", "_KEY"))]
    assert len(secrets) == 3
    assert [secret for secret in (*secrets, airflow.service.password) if secret in shown] == []


@pytest.mark.claim("rdp-8")
class TestScheduledViews:
    @pytest.fixture
    def no_view(self, sources, lake):
        """The pipeline of the table `person`, after its view was removed."""
        lake.remove_view("hive.views.person")
        return sources

    def test_triggered_run_creates_the_view(self, no_view, scheduler, lake, request, evidence):
        assert lake.view("hive", "views", "person") is None

        scheduler.trigger(DAG, request.node.name)

        assert scheduler.ended(DAG, request.node.name) == "success"
        assert no_view.view("id, customer_id, name, op") == published.VIEW_ROWS
        evidence.json("the task that created the view", scheduler.task(DAG, request.node.name, "person"))

    @pytest.mark.usefixtures("sources")
    def test_run_creates_a_view_on_the_exact_view(self, scheduler, lake, request):
        lake.remove_view("hive.views.order_of_the_last_year")

        scheduler.trigger(DAG, request.node.name)

        assert scheduler.ended(DAG, request.node.name) == "success"
        assert lake.query("SELECT id FROM hive.views.order_of_the_last_year") == [(1,)]

    def test_second_run_leaves_the_same_view(self, no_view, scheduler, lake, request):
        def after_run(number):
            run = f"{request.node.name}_{number}"
            scheduler.trigger(DAG, run)
            assert scheduler.ended(DAG, run) == "success"
            return lake.query("SHOW CREATE VIEW hive.views.person"), lake.query("SHOW TABLES FROM hive.views")

        first = after_run(1)

        assert after_run(2) == first
        assert no_view.view("id, customer_id, name, op") == published.VIEW_ROWS
