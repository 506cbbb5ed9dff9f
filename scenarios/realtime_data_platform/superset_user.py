"""A user of Superset by its REST API, as far as the tests of the dashboard use it."""

import io
import json
import zipfile
from datetime import datetime

import requests


def plain(rows):
    """Return rows of Superset's or of Trino's, sorted: an instant is a number of milliseconds, as Superset gives it."""

    def cell(value):
        if isinstance(value, datetime):
            value = value.timestamp() * 1000
        return round(value, 1) if isinstance(value, float) else value  # both have passed through floats

    return sorted(tuple(map(cell, row)) for row in rows)


class SupersetUser:
    """A user who is logged in.

    Args:
        superset: The running service.
        name: The user's name.
        password: The user's password.
    """

    def __init__(self, superset, name, password):
        self.url, self.name, self.password = superset.url, name, password
        self.session = requests.Session()
        login = {"username": name, "password": password, "provider": "db"}
        self.session.headers["Authorization"] = (
            f"Bearer {self.ask('POST', 'security/login', json=login)['access_token']}"
        )
        self.session.headers["X-CSRFToken"] = self.ask("GET", "security/csrf_token/")["result"]

    def call(self, method, path, **content):
        """Send a request and return the answer, whatever its code."""
        return self.session.request(method, f"{self.url}/api/v1/{path}", timeout=60, **content)

    def ask(self, method, path, **content):
        """Return the JSON of an answer; an error of the server is raised."""
        answer = self.call(method, path, **content)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def parts(self, dashboard):
        """Return what a dashboard is made of as Superset has it: `database`, `dataset`, `page`, and each chart."""
        paths = {name: f"chart/{dashboard.uuid(name)}" for name in dashboard.charts()}
        paths |= {"dataset": f"dataset/{dashboard.uuid('dataset')}", "page": f"dashboard/{dashboard.slug}"}
        found = {name: self.ask("GET", path)["result"] for name, path in paths.items()}
        [database] = self.ask("GET", "database/")["result"]
        # How long ago each was changed is said in words, too, which change with the time.
        return {
            name: {key: value for key, value in part.items() if not key.endswith("humanized")}
            for name, part in (found | {"database": database}).items()
        }

    def numbers(self, dashboard):
        """Return the number of each part of a dashboard."""
        return {name: part["id"] for name, part in self.parts(dashboard).items()}

    def rows(self, dashboard, name, time_range=None):
        """Return the rows of a chart, sorted; with a time range, as the filter of the page sets it."""
        chart = self.ask("GET", f"chart/{dashboard.uuid(name)}")["result"]
        if time_range is None:
            answer = self.ask("GET", f"chart/{chart['id']}/data/")
        else:
            query = json.loads(chart["query_context"])
            query["queries"][0]["time_range"] = time_range
            answer = self.ask("POST", "chart/data", json=query)
        return plain(row.values() for row in answer["result"][0]["data"])

    def exported(self, dashboard):
        """Return the files that Superset writes of a dashboard: text by path."""
        number = self.parts(dashboard)["page"]["id"]
        answer = self.call("GET", f"dashboard/export/?q=!({number})")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            return {name.partition("/")[2]: packed.read(name).decode() for name in packed.namelist()}

    def make_user(self, name, password, role):
        """Make a user who has one role, where there is none of this name."""
        if any(each["username"] == name for each in self.ask("GET", "security/users/")["result"]):
            return
        [number] = [
            each["id"]
            for each in self.ask("GET", "security/roles/?q=(page_size:100)")["result"]
            if each["name"] == role
        ]
        person = {"first_name": name, "last_name": name, "email": f"{name}@example.org", "active": True}
        self.ask("POST", "security/users/", json={**person, "username": name, "password": password, "roles": [number]})

    def link(self, dashboard, filter_id, time_range):
        """Return the address of the page with the filter by date set, as its menu `Share` makes it."""
        mask = {"id": filter_id, "extraFormData": {"time_range": time_range}, "filterState": {"value": time_range}}
        state = {"dataMask": {filter_id: {**mask, "ownState": {}}}, "urlParams": []}
        number = self.parts(dashboard)["page"]["id"]
        return (
            f"{self.url}/superset/dashboard/p/{self.ask('POST', f'dashboard/{number}/permalink', json=state)['key']}/"
        )

    def enter(self, page):
        """Log in with the form of the login page that is open."""
        page.fill("#username", self.name)
        page.fill("#password", self.password)
        page.press("#password", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
