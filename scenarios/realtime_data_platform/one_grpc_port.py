"""One gRPC port for several Pinot servers: Trino has one setting for all of them, and processes have a port each."""

import asyncio
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from functools import partial
from threading import Thread

from fixtures.services.runtimes.ports import free_ports


@contextmanager
def forwarding(ports):
    """Forward one port of several addresses of this machine until the block ends, and return its number.

    Args:
        ports: Port to forward to by address: `{"127.0.0.1": 8090, "127.0.0.2": 8190}`.
    """
    [port] = free_ports(["grpc"]).values()
    listening = Future()
    thread = Thread(target=lambda: asyncio.run(_serve(ports, port, listening)))
    thread.start()
    loop, ended = listening.result()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


async def _serve(ports, port, listening):
    try:
        servers = [await asyncio.start_server(partial(_forward, own), host, port) for host, own in ports.items()]
    except OSError as error:
        listening.set_exception(error)
        return
    ended = asyncio.Event()
    listening.set_result((asyncio.get_running_loop(), ended))
    await ended.wait()
    for server in servers:
        server.close()  # connections end with the loop


async def _forward(port, reader, writer):
    with suppress(OSError, asyncio.CancelledError), closing(writer):
        own_reader, own_writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(own_writer):
            await asyncio.gather(_copy(reader, own_writer), _copy(own_reader, writer))


async def _copy(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()
