"""Serve an index over HTTP: pages in JSON or HTML, files, and the uploads of twine, uv and poetry.

Use it for a store that no web server serves, for readers who must sign in, or as the only index of installers: with an
upstream, a project that this index does not have is looked up there, and a project that it has never is.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException

from reference.package_index.errors import BadInput, Conflict, NotAllowed, NotFound, PackageIndexError, StoreError
from reference.package_index.files.distribution import LARGEST, Distribution
from reference.package_index.index import BINARY, TEXT, Index
from reference.package_index.names import parse_file, project_name
from reference.package_index.pages import project_html, root_html
from reference.package_index.records import HTML, JSON
from reference.package_index.remote import RemoteIndex

STATUS: Mapping[type[PackageIndexError], int] = {
    BadInput: 400,
    Conflict: 409,
    NotFound: 404,
    NotAllowed: 502,
    StoreError: 502,
}
# The first kind is returned to a client that accepts anything or states no preference, such as a browser.
KINDS = (
    "text/html",
    "application/vnd.pypi.simple.v1+html",
    JSON,
    "application/vnd.pypi.simple.latest+json",
    "application/json",
)


def create_app(
    index: Index,
    *,
    uploaders: Mapping[str, str] | None = None,
    readers: Mapping[str, str] | None = None,
    upstream: RemoteIndex | None = None,
    private: Sequence[str] = (),
) -> Flask:
    """Return the WSGI application.

    Pages are at `/simple/TEAM/PROJECT/`, files at `/packages/TEAM/PROJECT/FILE`, uploads go to `/upload/TEAM/`.

    Args:
        index: The index to serve.
        uploaders: Passwords of the users who may upload, by user; by default nobody may.
        readers: Passwords of the users who may read, by user; uploaders may read, too. If it is None, everybody may.
        upstream: The index to which an installer is redirected for projects that this one does not have.
        private: Patterns of names that are never redirected, such as `acme-*`, for names that are not published yet.
    """
    app = Flask("package-index")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST + (1 << 20)

    def signed_in(users: Mapping[str, str]) -> bool:
        given = request.authorization
        if given is None or given.type != "basic":
            return False
        # The password of an unknown user is also compared, so that the response time does not show which users exist.
        password = users.get(given.username or "")
        same = hmac.compare_digest((given.password or "").encode(), (password or "").encode())
        return same and bool(password)

    def demand(users: Mapping[str, str]) -> None:
        if not signed_in(users):
            realm = {"WWW-Authenticate": f'Basic realm="{index.team}"'}
            abort(Response("sign in with a user's name and password\n", 401, realm))

    @app.before_request
    def check_reader() -> None:
        if readers is not None and request.method in ("GET", "HEAD") and request.path != "/healthy":
            demand({**(uploaders or {}), **readers})

    @app.errorhandler(PackageIndexError)
    def failed(error: PackageIndexError) -> Response:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        return Response(f"{error}\n", status, content_type=TEXT)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Any:
        return error.response or Response(f"{error.description}\n", error.code, content_type=TEXT)

    @app.get("/healthy")
    def healthy() -> str:
        return "ok\n"

    @app.get(f"/simple/{index.team}/")
    def root() -> Response:
        found = index.root()
        return _page(found.to_json(), JSON) if _json_wanted() else _page(root_html(found, index.team), HTML)

    @app.get(f"/simple/{index.team}/<name>/")
    def project(name: str) -> Response:
        normalised = project_name(name)
        if normalised != name:
            return Response("", 301, {"Location": f"../{normalised}/"})
        try:
            found = index.project(name)
        except NotFound:
            if upstream is None or any(fnmatchcase(name, pattern) for pattern in private):
                raise
            return Response("", 302, {"Location": f"{upstream.url}{name}/"})
        if _json_wanted():
            return _page(found.to_json(index.records.files_url(name)), JSON)
        return _page(project_html(found, index.records.files_url(name)), HTML)

    @app.get(f"/packages/{index.team}/<name>/<filename>")
    def file(name: str, filename: str) -> Response:
        plain = filename.removesuffix(".metadata")
        if parse_file(plain)[0] != project_name(name):
            raise NotFound(f"{index.team} has no file {filename!r}")
        stored = index.store.get(index.file_key(name, filename))
        if not stored.version:
            raise NotFound(f"{index.team} has no file {filename!r}")
        answer = Response(stored.body, content_type=TEXT if plain != filename else BINARY)
        # The content of a file name never changes.
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @app.post(f"/upload/{index.team}/")
    def upload() -> Response:
        demand(uploaders or {})
        if request.form.get(":action") != "file_upload" or "content" not in request.files:
            raise BadInput("an upload is a form with ':action' set to 'file_upload' and a file 'content'")
        content = request.files["content"]
        distribution = Distribution.from_bytes(content.filename or "", content.read())
        said = request.form.get("sha256_digest")
        if said and not hmac.compare_digest(said.lower().encode(), distribution.sha256.encode()):
            raise BadInput(f"{distribution.filename} arrived damaged: its hash is not the one of the form")
        given = request.authorization
        assert given is not None
        index.acting(given.username or "").publish([distribution])
        return Response("published\n", 200, content_type=TEXT)

    return app


def users(words: Sequence[str]) -> dict[str, str]:
    """Return passwords by user, from words of the form `USER:PASSWORD`.

    Raises:
        BadInput: A word has another form.
    """
    found: dict[str, str] = {}
    for word in words:
        user, colon, password = word.partition(":")
        if not user or not colon or not password:
            raise BadInput("a user is written USER:PASSWORD")
        found[user] = password
    return found


def _json_wanted() -> bool:
    return request.accept_mimetypes.best_match(KINDS, default=KINDS[0]) in KINDS[2:]


def _page(body: bytes, kind: str) -> Response:
    answer = Response(body, content_type=kind)
    answer.headers["Vary"] = "Accept"
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
