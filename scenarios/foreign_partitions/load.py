"""The load: Apache Bench where it is on the PATH, else a client of ours that counts the same way."""

import asyncio
import re
import shutil
import subprocess
from urllib.parse import urlsplit


def load(url, *, requests, at_once, headers):
    """POST an empty body so many times, so many at once, a connection each.

    Returns:
        `tool`, which says who did it; `complete`, `failed` (no whole answer) and `refused` (an answer, but not 2xx).
    """
    if program := shutil.which("ab"):
        return apache_bench(program, url, requests, at_once, headers)
    return asyncio.run(ours(url, requests, at_once, headers))


def apache_bench(program, url, requests, at_once, headers):
    said = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = [program, "-q", "-p", "/dev/null", "-T", "application/json", f"-n{requests}", f"-c{at_once}", *said, url]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def figure(name):
        found = re.search(rf"^{name}:\s+(\d+)", output, re.MULTILINE)
        return int(found[1]) if found else 0

    return {
        "tool": output.partition("\n")[0],
        "complete": figure("Complete requests"),
        "failed": figure("Failed requests"),
        "refused": figure("Non-2xx responses"),
    }


async def ours(url, requests, at_once, headers):
    where = urlsplit(url)
    lines = [f"POST {where.path} HTTP/1.0", f"Host: {where.netloc}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()] + ["Content-Length: 0", "", ""]
    message = "\r\n".join(lines).encode()
    left = iter(range(requests))
    counted = {"tool": "asyncio, as Apache Bench is not on the PATH", "complete": 0, "failed": 0, "refused": 0}

    async def client():
        for _ in left:
            try:
                reader, writer = await asyncio.open_connection(where.hostname, where.port)
                writer.write(message)
                answer = await reader.read()
                writer.close()
                await writer.wait_closed()
            except OSError:
                answer = b""
            status = re.match(rb"HTTP/1\.[01] (\d)\d\d ", answer)
            counted["complete"] += 1
            counted["failed"] += status is None
            counted["refused"] += status is not None and status[1] != b"2"

    await asyncio.gather(*(client() for _ in range(at_once)))
    return counted
