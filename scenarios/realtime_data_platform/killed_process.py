"""Kill a process at one of its statements to Trino, with SIGKILL, which no process can handle."""

import os
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer

from scenarios.realtime_data_platform.forwarding import PATIENCE, Forwarding

COMMAND = "from reference.realtime_data_platform.cli import app; app()"


class Between(ThreadingHTTPServer):
    """Forwards a process's requests to Trino, whose answers name this server as the one to ask next.

    Args:
        trino: URL of Trino.
        words: Arguments of the command `data-platform`.
        environment: Its variables besides this process's.
        number: The statement at which the process is killed.
        running: Whether that one is to run by then; it is not sent to Trino otherwise.
    """

    daemon_threads = True

    def __init__(self, trino, words, environment, number, running):
        super().__init__(("127.0.0.1", 0), _Killing)
        self.target, self.number, self.running = trino, number, running
        self.statements = []
        own = {"TRINO": f"http://127.0.0.1:{self.server_port}", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words], env=os.environ | own, stderr=subprocess.PIPE, text=True
        )


class _Killing(Forwarding):
    def intercept(self, body):
        server = self.server
        if self.command == "POST":
            server.statements.append(body.decode())
        ends = len(server.statements) == server.number and (not server.running or "/executing/" in self.path)
        if ends:
            server.process.kill()
            self.close_connection = True
        return ends


def run_until_statement(platform, words, number, *, running):
    """Run `data-platform` and kill it at a statement; returns its exit code, its last statement, and what it said."""
    at = platform.addresses
    environment = {
        "POSTGRES": at.postgres,
        "CONNECT": at.connect,
        "PINOT_CONTROLLER": at.controller,
        "PINOT_BROKER": at.broker,
    }
    with Between(at.trino, words, environment, number, running) as between:
        serving = threading.Thread(target=between.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            _, said = between.process.communicate(timeout=PATIENCE)
        finally:
            between.process.kill()
            between.shutdown()
            serving.join()
    return between.process.returncode, between.statements[-1], said
