"""Runs the published package in its own environment: a request in JSON a line, and an answer or an error."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import published  # the module beside this one; the package it stands in belongs to another environment


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main():
    say({"answer": "ready"})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            with redirect_stdout(sys.stderr):
                answer = {"answer": getattr(published, request.pop("do"))(**request)}
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
        say(answer)


if __name__ == "__main__":
    main()
