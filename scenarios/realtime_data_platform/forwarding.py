"""Requests that a server of the test forwards to a service, answer by answer."""

from http.server import BaseHTTPRequestHandler

import requests

PATIENCE = 120
# Of a connection, not of a message; requests has decoded the body.
DROPPED = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}


class Forwarding(BaseHTTPRequestHandler):
    """Forwards each request to the `target` of its server, unless `intercept` answers it."""

    protocol_version = "HTTP/1.1"

    def intercept(self, body):
        """Return whether the request is not to be forwarded, and has its answer."""
        return False

    def _forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.intercept(body):
            return
        answer = requests.request(
            self.command, f"{self.server.target}{self.path}", data=body, headers=dict(self.headers), timeout=PATIENCE
        )
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
        self.answer(answer.status_code, headers, answer.content)

    def answer(self, status, headers, content):
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815  # as the base class calls them

    def log_message(self, *_):
        """Write nothing."""
