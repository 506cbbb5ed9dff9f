"""The document's script of three loads, published and corrected, and a replacement of `ab`: this module as a program.

The load is made by `fixtures.load`: by Apache Bench where an image or the PATH has it.
"""

import argparse
import os
import shlex
import subprocess
import sys

import psutil

from fixtures.load import load
from fixtures.serving import ROOT
from fixtures.waiting import eventually
from scenarios.customer_sharding import published

STAND_IN = f"""#!/bin/sh
PATH="$PATH_OF_AB" exec {shlex.quote(sys.executable)} -m scenarios.customer_sharding.services.bench "$@"
"""


def corrected(url, number, at_once):
    """Return the script that waits for its loads."""
    return published.bench(url, number, at_once) + "wait\n"


SCRIPTS = {"published": published.bench, "corrected": corrected}


class Bench:
    """The script, running in a process.

    Args:
        folder: Folder for the script and its output.
        way: `published` or `corrected`.
        url: URL of the service.
        number: Requests of each load, one at a time: before its first answer Apache Bench has only one in flight.
        image: Image of Apache Bench, used where `ab` is not on the PATH.
    """

    def __init__(self, folder, way, url, *, number, image):
        script, stand_in = folder / "bench.sh", folder / "ab"
        script.write_text(SCRIPTS[way](url, number, at_once=1))
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
        self._port = int(url.rpartition(":")[2])
        path = os.environ["PATH"]
        environment = {**os.environ, "PATH": f"{folder}:{path}", "PATH_OF_AB": path, "IMAGE_OF_AB": image or ""}
        with (folder / "bench.log").open("w") as log:
            self._process = subprocess.Popen(["sh", script], cwd=ROOT, env=environment, stdout=log, stderr=log)

    def arrived(self):
        """Wait until all its loads have connected to the service, which need not accept them yet."""
        eventually(lambda: self._at_the_door() == len(published.CUSTOMERS), within=60)

    def wait(self, within=120):
        """Wait until it has ended."""
        assert self._process.wait(within) == 0

    def close(self):
        self._process.kill()
        self._process.wait()

    def _at_the_door(self):
        return sum(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self._port
            for each in psutil.net_connections("tcp4")
        )


def main():
    parser = argparse.ArgumentParser()
    for option in ("-p", "-T", "-H"):
        parser.add_argument(option)
    for option in ("-n", "-c"):
        parser.add_argument(option, type=int)
    parser.add_argument("url")
    options = parser.parse_args()
    name, _, value = options.H.partition(": ")
    image = os.environ["IMAGE_OF_AB"] or None
    print(load(options.url, requests=options.n, at_once=options.c, headers={name: value}, image=image))  # noqa: T201


if __name__ == "__main__":
    main()
