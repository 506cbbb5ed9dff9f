"""A way to a server that can be cut, for where toxiproxy is not to be had: a few threads of this process."""

import contextlib
import socket
import threading

from fixtures.services.service import Address


class Relay:
    """Passes bytes on to a server and back; a `Link` of `fixtures.services`."""

    def __init__(self, server):
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._delay = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._sockets = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self):
        """Where clients connect."""
        return Address(*self._listener.getsockname())

    def cut(self):
        """Break every connection and accept no new one for longer than a moment."""
        with self._lock:
            self._open.clear()
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def slow(self, seconds):
        """Delay what comes back."""
        self._delay = seconds

    def mend(self):
        """Undo both."""
        self._delay = 0
        self._open.set()

    def close(self):
        self._ended.set()
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(self._server) as server:
            pair = {client, server}
            with self._lock:
                if not self._open.is_set():
                    return
                self._sockets |= pair
            back = threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True)
            back.start()
            self._pass_on(client, server, False)
            back.join()
            with self._lock:
                self._sockets -= pair

    def _pass_on(self, source, target, back):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if back and self._delay:
                    self._ended.wait(self._delay)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
