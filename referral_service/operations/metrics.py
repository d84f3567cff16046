"""Counters for Prometheus, a registry per application. Labels are route rules and statuses: few, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from referral_service.kit.http.ingress import admission
from referral_service.kit.http.ingress.gate import Gate

EXTENSION = "metrics"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Requests:
    """Counts answered requests by route, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        answered = Counter(
            "referral_http_requests", "Answered requests.", ["method", "route", "status"], registry=registry
        )
        seconds = Histogram(
            "referral_http_request_seconds", "Time to answer.", ["method", "route"], buckets=_BUCKETS, registry=registry
        )
        # To find a label's counter takes longer than to count. There are as many as routes and statuses: few.
        self._answered = cache(lambda method, route, status: answered.labels(method, route, status))
        self._seconds = cache(lambda method, route: seconds.labels(method, route))

    def count(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one, and how long it took."""
        if route is None:
            # The method is the caller's text unless a route took it.
            method, route = "any", "unmatched"
        self._answered(method, route, status).inc()
        self._seconds(method, route).observe(seconds)


def install(app: Flask) -> Requests:
    """Register what is told of this application, and return what counts its requests."""
    registry = CollectorRegistry()
    app.extensions[EXTENSION] = registry
    requests = Requests(registry)
    registry.register(_Admission(app))

    return requests


class _Admission(Collector):
    """How full the house is, and how many found no room: nobody looked where those were going."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the application is whole."""
        return []

    def collect(self) -> Iterable[Metric]:
        gate: Gate = self._app.extensions[admission.EXTENSION].gate
        yield GaugeMetricFamily("referral_http_requests_inside", "Requests at work.", gate.inside)
        wait = "Requests that wait for a place, or for what is done together."
        yield GaugeMetricFamily("referral_http_requests_waiting", wait, gate.waiting)
        yield CounterMetricFamily("referral_http_requests_refused", "Refused for want of a place.", gate.refused)
