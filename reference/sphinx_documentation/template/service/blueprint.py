"""The endpoints that post to HTTPBin."""

from __future__ import annotations

import time
from typing import Any

import requests
from flask import Blueprint, current_app
from werkzeug.exceptions import BadGateway

from .httpbin import HttpBinPost

httpbin = Blueprint("httpbin", __name__)
"""The blueprint that an application registers."""


@httpbin.post("/post")
def post() -> Any:
    """Post `foo`, as a query parameter and as JSON, and return what HTTPBin answers.

    Returns:
        HTTPBin's description of the request, with `args`, `json`, `headers` and `url`.

    Raises:
        BadGateway: HTTPBin does not answer, or answers with an error.
    """
    request = HttpBinPost(base_url=current_app.config["HTTPBIN"], params={"foo": "bar"}, json={"foo": "bar"})
    time.sleep(0.5)  # what the service does by itself
    try:
        return request.execute()
    except requests.RequestException as error:
        raise BadGateway("HTTPBin does not answer as it should") from error
