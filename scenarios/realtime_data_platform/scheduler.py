"""The REST API of Airflow, as far as the tests of scheduled views use it."""

import requests

from fixtures.waiting import eventually

PARSED_WITHIN = 120
ENDED_WITHIN = 180
ENDED = ("success", "failed")


class Scheduler:
    """A client of a running Airflow.

    Args:
        airflow: The running service.
    """

    def __init__(self, airflow):
        self.airflow = airflow
        self.url = airflow.url
        self.login = {"username": airflow.service.user, "password": airflow.service.password}
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.token()}"

    def token(self):
        """Log in, and return the token of the session."""
        answer = requests.post(f"{self.url}/auth/token", json=self.login, timeout=60)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def call(self, method, path, **body):
        """Send a request and return the answer, whatever its code."""
        return self.session.request(method, f"{self.url}/api/v2/{path}", json=body or None, timeout=60)

    def get(self, path):
        """Return the JSON of an answer; an error of the server is raised."""
        answer = self.call("GET", path)
        answer.raise_for_status()
        return answer.json()

    def dag(self, name):
        """Return a DAG as the scheduler has it, or None."""
        answer = self.call("GET", f"dags/{name}")
        return None if answer.status_code == 404 else answer.json()

    def import_errors(self):
        """Return the error of each file that cannot be imported, by its path in the DAG folder."""
        return {error["filename"]: error["stack_trace"] for error in self.get("importErrors")["import_errors"]}

    def unpause(self, name):
        """Let a DAG be scheduled, once its file has been read."""
        eventually(lambda: self.dag(name), within=PARSED_WITHIN, every=0.5, message=f"a DAG {name}")
        self.call("PATCH", f"dags/{name}", is_paused=False).raise_for_status()

    def pause(self, name):
        """Let a DAG be scheduled no more."""
        self.call("PATCH", f"dags/{name}", is_paused=True).raise_for_status()

    def scheduled(self, name):
        """Return the runs of a DAG that the scheduler made."""
        return [run for run in self.get(f"dags/{name}/dagRuns")["dag_runs"] if run["run_type"] == "scheduled"]

    def trigger(self, name, run_id):
        """Start a run of the given id."""
        answer = self.call("POST", f"dags/{name}/dagRuns", dag_run_id=run_id, logical_date=None)
        answer.raise_for_status()

    def task(self, name, run_id, task):
        """Return a task of a run."""
        return self.get(f"dags/{name}/dagRuns/{run_id}/taskInstances/{task}")

    def ended(self, name, run_id):
        """Wait until a run has ended, and return its state."""

        def state():
            said = self.get(f"dags/{name}/dagRuns/{run_id}")["state"]
            return said in ENDED and said

        return eventually(state, within=ENDED_WITHIN, every=0.5, message=f"the end of run {run_id} of {name}")
