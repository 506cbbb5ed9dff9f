"""Profiles of a running service over HTTP, as Parca scrapes them: `GET /debug/pprof/profile?seconds=10`.

With a scraper that requests profiles regularly, this is a continuous profiler. Between two requests it costs nothing.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .errors import BadInput, ProfileFailed
from .profiling import RATE, profile

PATH = "/debug/pprof/profile"
SECONDS = 10
"""The default duration of a profile, as in Parca's own configuration."""


def profile_server(pid: int, *, host: str = "127.0.0.1", port: int = 7072, rate: int = RATE) -> ThreadingHTTPServer:
    """Return a server of profiles of a process; `serve_forever` runs it.

    One profile is taken at a time, since only one profiler can attach to a process: a second request waits.

    Args:
        pid: Process id of the service; its child processes are profiled, too.
        host: Address to listen on. Whoever reaches it can read the names of functions and files, but no values.
        port: Port to listen on; 0 chooses a free one.
        rate: Samples per second.
    """
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path != PATH:
                return self._say(HTTPStatus.NOT_FOUND, f"profiles are at {PATH}")
            given = parse_qs(asked.query).get("seconds", [str(SECONDS)])[-1]
            if not given.isdecimal():
                return self._say(HTTPStatus.BAD_REQUEST, f"seconds={given} is not a whole number")
            try:
                with one_at_a_time:
                    body = profile(pid, int(given), rate=rate)
            except BadInput as error:
                return self._say(HTTPStatus.BAD_REQUEST, str(error))
            except ProfileFailed as error:
                return self._say(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return self._answer(HTTPStatus.OK, "application/octet-stream", body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
            """Log nothing, since a scraper sends a request every few seconds."""

        def _say(self, status: HTTPStatus, text: str) -> None:
            self._answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((host, port), Handler)
