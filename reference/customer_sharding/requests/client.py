"""HTTP client of the sharding service: asks it for a customer's route by `GET /write/ID`.

Open it to see how each answer of the service is interpreted. `routes` caches the result.
"""

from __future__ import annotations

import json

import urllib3

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import BadInput, ServiceUnavailable, UnknownCustomer
from reference.customer_sharding.forking import renew_after_fork
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.settings import Api

from .routes import Route

LIMIT = 64 * 1024  # bytes of an answer


class Client:
    """Asks the sharding service for routes over connections that it keeps open; safe to share between threads.

    Args:
        api: Endpoint, token and timeout.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._http = self._pool()
        renew_after_fork(self)

    def renew(self) -> list[object]:
        """Replace the connections after a fork; see `forking`."""
        old, self._http = self._http, self._pool()
        return [old]

    def _pool(self) -> urllib3.PoolManager:
        api = self._api
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {api.token}"} if api.token else {})
        # `Routes` decides when to ask again, so there are no retries here.
        return urllib3.PoolManager(
            headers=headers, timeout=urllib3.Timeout(total=api.timeout), retries=False, maxsize=16
        )

    def route(self, customer: str) -> Route:
        """Ask the service for a customer's route. No redirect is followed: the token is for this service alone.

        Raises:
            BadIdentifier: The identifier is invalid; no request is made.
            UnknownCustomer: The service answers 404.
            ServiceUnavailable: The service does not answer in time, or its answer is not a valid route.
        """
        url = f"{self._api.endpoint.rstrip('/')}/write/{customer_id(customer)}"
        try:
            answer = self._http.request("GET", url, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailable(
                f"the sharding service at {self._api.endpoint} does not answer: {type(error).__name__}"
            ) from error
        if answer.status == 404:
            raise UnknownCustomer(f"there is no customer {customer}")
        if answer.status != 200:
            raise ServiceUnavailable(
                f"the sharding service at {self._api.endpoint} answers {answer.status}{_hint(answer.status)}"
            )
        try:
            if len(answer.data) > LIMIT:
                raise BadInput("the answer is too long")
            content = json.loads(answer.data)
            credentials = Credentials.from_answer(content)
            epoch = content.get("epoch")
            if epoch is not None and (not isinstance(epoch, int) or isinstance(epoch, bool)):
                raise BadInput("epoch is an integer")
        except ValueError as error:
            # The answer is not repeated in the message: it may hold a password.
            reason = str(error) if isinstance(error, BadInput) else "it is not JSON"
            raise ServiceUnavailable(f"the sharding service's answer for {customer} is not a route: {reason}") from None
        return Route(customer, credentials, epoch)

    def close(self) -> None:
        """Close the idle connections."""
        self._http.clear()


def _hint(status: int) -> str:
    return ": is SHARDING_API_TOKEN right?" if status in (401, 403) else ""
