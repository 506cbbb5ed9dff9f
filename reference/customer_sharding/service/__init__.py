"""The sharding service: an HTTP API that stores which customer is in which database, and answers it.

Open it for the list of requests and for the check of tokens; `description` has the same API as OpenAPI, and `store`
what is behind it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from typing import Any

from flask import Flask, jsonify, request
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import BadInput, NotAllowed, ShardingError
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.problems import problem_of, problem_of_http

from .description import description
from .store import Store

__all__ = ["Store", "create_app"]

SHORTEST_TOKEN = 16


def create_app(environ: Mapping[str, str] | None = None, *, store: Store | None = None) -> Flask:
    """Create the Flask application. `gunicorn 'reference.customer_sharding.service:create_app()'` serves it.

    | variable | meaning |
    | --- | --- |
    | `SHARDING_META` | the meta database, `postgresql://...` |
    | `SHARDING_SERVICE_TOKENS` | bearer tokens of applications (comma separated), which may ask for routes |
    | `SHARDING_SERVICE_ADMIN_TOKENS` | bearer tokens of operators, who may also register, place and move |

    | request | answer |
    | --- | --- |
    | `GET /write/ID` | the document's answer, and the field `epoch`; 404 for an unknown customer |
    | `PUT /databases/NAME` | registers and prepares a database |
    | `GET /databases` | all databases, with the number of their customers, without passwords |
    | `PUT /customers/ID` | places a customer: `{}` for the least loaded, `{"database": NAME}` to pin |
    | `GET /customers/ID` | `{"customer", "database", "epoch", "moving"}`, without a password |
    | `POST /moves` | `{"customer", "target"}`: records a move, which a mover carries out |
    | `GET /moves` | moves under way, with their phase |
    | `GET /openapi.json`, `GET /health` | the description of the API, and whether it is up; without a token |

    Errors are problem details (RFC 9457). Tokens are compared in constant time.

    Args:
        environ: By default, the process's environment.
        store: By default, a store connected to `SHARDING_META`.

    Raises:
        BadInput: A variable is missing or wrong.
        DatabaseUnavailable: The meta database does not answer.
    """
    environ = os.environ if environ is None else environ
    admins = _tokens(environ, "SHARDING_SERVICE_ADMIN_TOKENS")
    applications = _tokens(environ, "SHARDING_SERVICE_TOKENS")
    if not admins and not applications:
        raise BadInput("set SHARDING_SERVICE_TOKENS and SHARDING_SERVICE_ADMIN_TOKENS: every request needs a token")
    if store is None:
        if not environ.get("SHARDING_META"):
            raise BadInput("SHARDING_META is not set: the meta database, postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
        store = Store(environ["SHARDING_META"])
    app = Flask("sharding_service")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.register_error_handler(ShardingError, problem_of)
    app.register_error_handler(HTTPException, problem_of_http)

    def allow(tokens: list[bytes]) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # All tokens are compared, so that the time taken reveals nothing.
        right = [hmac.compare_digest(given.strip().encode(), token) for token in tokens]
        if scheme.lower() != "bearer" or not any(right):
            raise NotAllowed("this request needs a bearer token that allows it")

    @app.get("/write/<identifier>")
    def write(identifier: str) -> Response:
        allow(applications + admins)
        route = store.route(identifier)
        answer = jsonify(route.credentials.as_answer() | {"epoch": route.epoch})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.put("/databases/<name>")
    def register(name: str) -> Response:
        allow(admins)
        body = _body(
            {"admin", "identifier_field", "allow_superuser", "row_security", *Credentials.__dataclass_fields__}
        )
        credentials = Credentials.from_answer(body)
        admin = body.get("admin")
        if admin is not None:
            if not isinstance(admin, Mapping) or set(admin) - {"user", "password"}:
                raise BadInput("admin is an object with user and password")
            admin = Credentials.from_answer({**credentials.as_answer(), **admin})
        field, superuser = body.get("identifier_field", "customer_id"), body.get("allow_superuser", False)
        row_security = body.get("row_security", False)
        if not isinstance(field, str) or not isinstance(superuser, bool) or not isinstance(row_security, bool):
            raise BadInput("identifier_field is a text, allow_superuser and row_security true or false")
        tables = store.register(
            name,
            credentials,
            admin=admin,
            identifier_field=field,
            allow_superuser=superuser,
            row_security=row_security,
        )
        return jsonify({"name": name, "tables": list(tables)})

    @app.get("/databases")
    def databases() -> Response:
        allow(admins)
        return jsonify({"databases": [each.public() for each in store.databases()]})

    def placement(customer: str) -> Response:
        database, epoch, moving = store.whereabouts(customer)
        return jsonify({"customer": customer, "database": database, "epoch": epoch, "moving": moving})

    @app.put("/customers/<identifier>")
    def place(identifier: str) -> Response:
        allow(admins)
        store.place(identifier, _name(_body({"database"}), "database", required=False))
        return placement(identifier)

    @app.get("/customers/<identifier>")
    def whereabouts(identifier: str) -> Response:
        allow(admins)
        return placement(customer_id(identifier))

    @app.post("/moves")
    def begin() -> tuple[Response, int]:
        allow(admins)
        body = _body({"customer", "target"})
        customer, target = _name(body, "customer"), _name(body, "target")
        assert customer is not None
        assert target is not None
        return jsonify(vars(store.begin_move(customer, target))), 202

    @app.get("/moves")
    def moves() -> Response:
        allow(admins)
        return jsonify({"moves": [vars(each) for each in store.moves()]})

    @app.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(description())

    @app.get("/health")
    def health() -> Response:
        store.moves()
        return jsonify({"status": "up"})

    return app


def _tokens(environ: Mapping[str, str], name: str) -> list[bytes]:
    tokens = [token.strip() for token in environ.get(name, "").split(",") if token.strip()]
    if any(len(token) < SHORTEST_TOKEN for token in tokens):
        raise BadInput(f"{name}: a token has at least {SHORTEST_TOKEN} characters; secrets.token_urlsafe() makes one")
    return [token.encode() for token in tokens]


def _body(allowed: set[str]) -> dict[str, Any]:
    body = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(body, dict):
        raise BadInput("the body is a JSON object, with Content-Type: application/json")
    if unknown := set(body) - allowed:
        raise BadInput(f"the body has {', '.join(sorted(unknown))}; it may have {', '.join(sorted(allowed))}")
    return body


def _name(body: Mapping[str, Any], key: str, *, required: bool = True) -> str | None:
    if body.get(key) is None and not required:
        return None
    try:
        return customer_id(body.get(key))
    except BadInput as error:
        raise BadInput(f"{key}: {error}") from None
