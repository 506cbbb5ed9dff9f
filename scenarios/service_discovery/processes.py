"""The scenario's own processes: services that register, callers that look them up."""

import contextlib
import socket

import psutil
import requests

from fixtures.services.orphans import end, ended, tree
from fixtures.services.ports import free_ports
from fixtures.waiting import eventually

START_WITHIN = 30


class Child:
    """A process of ours, and the faults that can be done to it."""

    def __init__(self, pid, name, output=None):
        self.name = name
        self.output = output
        self.process = psutil.Process(pid)

    def kill(self):
        """SIGKILL, the whole tree."""
        end(tree(self.process))

    def pause(self):
        """SIGSTOP: a laptop that sleeps, a machine that is moved."""
        self.process.suspend()

    def resume(self):
        self.process.resume()

    def stop(self):
        """SIGTERM, and wait until it has ended in good order."""
        self.process.terminate()
        self.process.wait(START_WITHIN)

    def said(self):
        """What it wrote to its standard output, where that is kept."""
        return self.output.read_text() if self.output.exists() else ""

    def alive(self):
        return not ended(self.process)


class Provider(Child):
    """A Flask application that registers itself, in a process of its own.

    Args:
        fork_server: Starts it.
        folder: Folder of the files by which it reports its progress and waits for permission to continue.
        name: The service's name.
        held: Whether it may not listen before `listen`.
        workers: Zero: the process itself serves; else gunicorn with so many workers.
        environment: WAY, ZOOKEEPER and so on, as `application` reads them.
    """

    def __init__(self, fork_server, folder, name, *, held=False, workers=0, **environment):
        self.port = free_ports(["http"])["http"]
        self.address = f"{socket.getfqdn()}:{self.port}"
        self._made, self._may_listen = folder / f"{self.port} made", folder / f"{self.port} may listen"
        self._asked, self._may_answer = folder / f"{self.port} asked", folder / f"{self.port} may answer"
        if not held:
            self._may_listen.touch()
        module = "scenarios.service_discovery.application"
        gunicorn = ["gunicorn.app.wsgiapp:run", f"-w{workers}", f"-b0.0.0.0:{self.port}", "--log-level=critical"]
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
        """Have it end by itself, without stopping: no handler runs, no connection is closed in order."""
        with contextlib.suppress(requests.ConnectionError):
            self.get("collapse")
        self.process.wait(START_WITHIN)

    def get(self, path, within=5):
        """Ask it something; what it answers.

        Raises:
            requests.Timeout: It does not answer within so many seconds.
        """
        answer = requests.get(f"http://{self.address}/{path}", timeout=within)
        answer.raise_for_status()
        return answer.json()

    def is_asked(self):
        """Whether a request for its long answer is under way."""
        return self._asked.exists()

    def finish(self):
        """Let it give its long answer."""
        self._may_answer.touch()

    def find(self, name, within=5):
        """Have it look up a service; the address it finds."""
        found = self.get(f"find/{name}", within)
        return found and f"{found[0]}:{found[1]}"

    @property
    def facts(self):
        """What it takes its connection's state and session for."""
        return self.get("facts")

    def workers(self, number):
        """Wait until so many worker processes of its server serve; each by its session with ZooKeeper."""
        found = {}

        def all_answered():
            facts = self.facts
            found[facts["session"]] = psutil.Process(facts["pid"])
            return len(found) == number

        eventually(all_answered, within=START_WITHIN, every=0.01)
        return found
