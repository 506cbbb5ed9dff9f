"""A gateway before a service that has neither encryption nor passwords of its own here, as operators place one."""

import base64
import contextlib
import ssl
import threading
from http.server import ThreadingHTTPServer

from scenarios.realtime_data_platform.forwarding import Forwarding


class Gateway(ThreadingHTTPServer):
    """Ends TLS, asks for a user and a password, and forwards what comes with these.

    Args:
        target: URL of the service.
        identity: File with its key and certificate.
        user: The user.
        password: The user's password.
    """

    daemon_threads = True

    def __init__(self, target, identity, user, password):
        super().__init__(("127.0.0.1", 0), _Guarded)
        self.target = target
        self.login = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self.forwarded, self.refused = [], []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(identity)
        # The handshake takes place in the thread of the connection.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self):
        """End it."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """Write nothing of a connection that is not encrypted."""


class _Guarded(Forwarding):
    def handle(self):
        with contextlib.suppress(OSError):  # the client does not trust the certificate, or speaks no TLS
            super().handle()

    def intercept(self, _):
        trusted = self.headers.get("Authorization") == self.server.login
        (self.server.forwarded if trusted else self.server.refused).append(f"{self.command} {self.path}")
        if not trusted:
            self.answer(401, {"WWW-Authenticate": 'Basic realm="gateway"'}, b"<html>unauthorized</html>")
        return not trusted
