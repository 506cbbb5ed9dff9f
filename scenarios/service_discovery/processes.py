"""The scenario's own processes: services that register, callers that look them up."""

import contextlib
import os
import socket

import psutil
import requests

from fixtures.services.runtimes.orphans import end, ended, tree
from fixtures.services.runtimes.ports import free_ports
from fixtures.waiting import eventually

START_WITHIN = 30


class Child:
    """A child process, with the faults that can be injected."""

    def __init__(self, pid, name, output=None):
        self.name = name
        self.output = output
        self.process = psutil.Process(pid)

    def kill(self):
        """Kill the whole process tree (SIGKILL)."""
        end(tree(self.process))

    def pause(self):
        """Freeze it (SIGSTOP), like a laptop that sleeps or a virtual machine that is migrated."""
        self.process.suspend()

    def resume(self):
        self.process.resume()

    def stop(self):
        """Send SIGTERM, and wait until it has shut down."""
        self.process.terminate()
        self.process.wait(START_WITHIN)

    def said(self):
        """Return its standard output, where that is recorded."""
        return self.output.read_text() if self.output.exists() else ""

    def alive(self):
        return not ended(self.process)


class Provider(Child):
    """A Flask application that registers itself, in a process.

    Args:
        fork_server: Starts it.
        folder: Folder of the files by which it reports its progress and waits for permission to continue.
        name: The service's name.
        held: Whether it may not listen before `listen`.
        workers: Zero: the process itself serves; else gunicorn with so many workers.
        options: Further options of gunicorn.
        environment: WAY, ZOOKEEPER and so on, as `application` reads them.
    """

    def __init__(self, fork_server, folder, name, *, held=False, workers=0, options=(), **environment):
        self.port = free_ports(["http"])["http"]
        self.address = f"{socket.getfqdn()}:{self.port}"
        self._made, self._may_listen = folder / f"{self.port} made", folder / f"{self.port} may listen"
        self._asked, self._may_answer = folder / f"{self.port} asked", folder / f"{self.port} may answer"
        os.mkfifo(self._may_answer)
        if not held:
            self._may_listen.touch()
        module = "scenarios.service_discovery.application"
        gunicorn = ["gunicorn.app.wsgiapp:run", f"-w{workers}", f"-b0.0.0.0:{self.port}", "--log-level=critical"]
        gunicorn += [f"--config=python:{module}", *options]
        pid = fork_server.start(
            *([*gunicorn, f"{module}:create_app()"] if workers else [f"{module}:main"]),
            SERVICE=name,
            PORT=str(self.port),
            MADE=str(self._made),
            MAY_LISTEN=str(self._may_listen),
            ASKED=str(self._asked),
            MAY_ANSWER=str(self._may_answer),
            **environment,
        )
        super().__init__(pid, name)

    def made(self):
        """Wait until its factory has made the application."""
        eventually(self._made.exists, within=START_WITHIN, every=0.01)

    def listen(self):
        """Let it listen, and wait until it answers."""
        self._may_listen.touch()
        self.answers()

    def answers(self):
        """Wait until it answers."""
        eventually(lambda: self.get(""), within=START_WITHIN, every=0.01, despite=requests.ConnectionError)

    def collapse(self):
        """Let it exit abruptly: no handler runs, and no connection is closed properly."""
        with contextlib.suppress(requests.ConnectionError):
            self.get("collapse")
        self.process.wait(START_WITHIN)

    def get(self, path, within=5):
        """Send a GET request, and return the answer.

        Raises:
            requests.Timeout: It does not answer within so many seconds.
        """
        answer = requests.get(f"http://{self.address}/{path}", timeout=within)
        answer.raise_for_status()
        return answer.json()

    def is_asked(self):
        """Return whether a request for its long answer is under way."""
        return self._asked.exists()

    def finish(self):
        """Let it give its long answer."""
        self._may_answer.write_bytes(b".")

    def find(self, name, within=5):
        """Let it look up a service, and return the address it finds."""
        found = self.get(f"find/{name}", within)
        return found and f"{found[0]}:{found[1]}"

    @property
    def facts(self):
        """Return the connection state and session as the process itself sees them."""
        return self.get("facts")

    def workers(self, number):
        """Wait until so many worker processes serve, and return each one's ZooKeeper session."""
        found = {}

        def all_answered():
            facts = self.facts
            found[facts["session"]] = psutil.Process(facts["pid"])
            return len(found) == number

        eventually(all_answered, within=START_WITHIN, every=0.01)
        return found
