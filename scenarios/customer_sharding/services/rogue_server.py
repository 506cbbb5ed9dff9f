"""A rogue server, which implements as much of PostgreSQL's protocol as it needs to receive passwords."""

import contextlib
import socket
import struct
import threading

# The client may first request encryption, which this server declines.
ENCRYPTION_REQUESTS = (80877103, 80877104)
CLEARTEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


class RogueServer:
    """Requests a clear-text password from each client, and closes the connection.

    Attributes:
        passwords: The passwords that clients have sent.
    """

    def __init__(self):
        self.passwords = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, client.makefile("rb") as messages:
                    client.settimeout(10)
                    self._ask_for_password(client, messages)

    def _ask_for_password(self, client, messages):
        while True:
            length, code = struct.unpack("!ii", messages.read(8))
            messages.read(length - 8)
            if code not in ENCRYPTION_REQUESTS:
                break
            client.sendall(b"N")
        client.sendall(CLEARTEXT_PASSWORD)
        _, length = struct.unpack("!ci", messages.read(5))
        self.passwords.append(messages.read(length - 4).rstrip(b"\0").decode())
