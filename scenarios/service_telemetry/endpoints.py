"""Forms of an endpoint under which nothing arrives at a collector, each beside the form that delivers.

In the table, GRPC and HTTP stand for the addresses of the collector's two ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
INSECURE = "OTEL_EXPORTER_OTLP_INSECURE"
OVER_HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
ALL = frozenset({"traces", "metrics", "logs"})
TLS = "Tls handshake failed"


@dataclass(frozen=True)
class Form:
    """One row of the table.

    Attributes:
        wrong: Variables under which nothing arrives.
        says: Regular expression of what the service then writes.
        right: Variables under which what belongs there arrives.
        arrives: Signals that arrive under the right variables.
    """

    wrong: Mapping[str, str]
    says: str
    right: Mapping[str, str]
    arrives: frozenset[str] = ALL

    def variables(self, way: str, grpc: str, http: str) -> dict[str, str]:
        """Return the variables of one way for a collector's addresses."""
        chosen = self.wrong if way == "published" else self.right
        return {key: value.replace("GRPC", grpc).replace("HTTP", http) for key, value in chosen.items()}


FORMS = {
    "document": Form(
        {f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT": "GRPC" for signal in ("TRACES", "METRICS", "LOGS")},
        TLS,
        {f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT": "http://GRPC" for signal in ("TRACES", "METRICS", "LOGS")},
    ),
    "no scheme": Form({ENDPOINT: "GRPC"}, TLS, {ENDPOINT: "http://GRPC"}),
    "not said to be insecure": Form({ENDPOINT: "GRPC"}, TLS, {ENDPOINT: "GRPC", INSECURE: "true"}),
    "https": Form({ENDPOINT: "https://GRPC"}, TLS, {ENDPOINT: "http://GRPC/any/path"}),
    "gRPC to the port of HTTP": Form({ENDPOINT: "http://HTTP"}, "Failed parsing HTTP/2", {ENDPOINT: "http://GRPC"}),
    "HTTP to the port of gRPC": Form(
        {ENDPOINT: "http://GRPC", **OVER_HTTP}, "Connection aborted", {ENDPOINT: "http://HTTP", **OVER_HTTP}
    ),
    "HTTP without a scheme": Form(
        {ENDPOINT: "HTTP", **OVER_HTTP}, "No connection adapters were found", {ENDPOINT: "http://HTTP/", **OVER_HTTP}
    ),
    "HTTP with a path for all": Form(
        {ENDPOINT: "http://HTTP/v1/traces", **OVER_HTTP},
        "code: 404, reason: Not Found",
        {ENDPOINT: "http://HTTP", **OVER_HTTP},
    ),
    "HTTP for traces without a path": Form(
        {TRACES: "http://HTTP", **OVER_HTTP},
        "code: 404, reason: Not Found",
        {TRACES: "http://HTTP/v1/traces", **OVER_HTTP},
        frozenset({"traces"}),
    ),
}
