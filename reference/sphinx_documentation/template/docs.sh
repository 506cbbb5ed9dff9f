#!/bin/bash
# Builds the documentation anew, from whatever folder it is called in; its status is the build's. `--open` shows it.
set -euo pipefail
cd "$(dirname "$0")"

python -m sphinx --fail-on-warning --keep-going docs/source docs/build/html
if [ "${1:-}" = --open ]; then python -m webbrowser "file://$PWD/docs/build/html/index.html"; fi
