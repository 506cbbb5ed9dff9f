"""The sharding service: which customer is in which database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Make the service. `gunicorn 'reference.customer_sharding.service:create_app()'` serves it.

    | variable | meaning |
    | --- | --- |
    | `SHARDING_META` | the meta database, `postgresql://...` |
    | `SHARDING_SERVICE_TOKENS` | bearer tokens of applications (comma separated): may ask for routes |
    | `SHARDING_SERVICE_ADMIN_TOKENS` | bearer tokens of operators: may also register, place and move |

    | request | answer |
    | --- | --- |
    | `GET /write/ID` | the published answer and `epoch`; 404 for an unknown customer |
    | `PUT /databases/NAME` | registers and prepares a database |
    | `GET /databases` | all, with the number of their customers; no passwords |
    | `PUT /customers/ID` | places a customer: `{}` for the least loaded, `{"database": NAME}` to pin |
    | `GET /customers/ID` | `{"customer", "database", "epoch", "move"}`; no password |
    | `POST /moves` | `{"customer", "target"}`: records a move, which a mover carries out |
    | `GET /moves` | moves under way, with their phase |
    | `GET /openapi.json`, `GET /health` | to anyone |

    Raises:
        BadInput: A variable is missing or wrong.
    """
    raise NotImplementedError
