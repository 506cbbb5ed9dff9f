import contextlib
import time

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

metrics.set_meter_provider(MeterProvider(metric_readers=[PeriodicExportingMetricReader(ConsoleMetricExporter())]))
_meter = metrics.get_meter("instruments")


def create_counter(name, unit, description):
    return _meter.create_counter(name, unit=unit, description=description)


def increment_counter(counter):
    counter.add(1, {"env": "dev"})


def create_histogram(name, unit, description):
    return _meter.create_histogram(name, unit=unit, description=description)


@contextlib.contextmanager
def timed(histogram):
    start = time.time()
    yield
    histogram.record(time.time() - start, {"env": "dev"})
