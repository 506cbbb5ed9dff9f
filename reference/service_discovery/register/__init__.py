"""Registering an instance (`registration`), its health check (`health`), and an orderly stop (`draining`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .draining import Draining, RequestsUnderWay
    from .health import HealthCheck
    from .registration import Registration, accepts, gone_within

__all__ = [
    "Draining",
    "HealthCheck",
    "Registration",
    "RequestsUnderWay",
    "accepts",
    "gone_within",
]

_MODULES = {
    "Draining": "draining",
    "HealthCheck": "health",
    "Registration": "registration",
    "RequestsUnderWay": "draining",
    "accepts": "registration",
    "gone_within": "registration",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
