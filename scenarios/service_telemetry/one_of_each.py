"""A program that makes one span, one measurement and one log record; opentelemetry-instrument exports them."""

import logging

from opentelemetry import metrics, trace

# Without a handler of the service's own, what exporters say about their failures goes to the exporters alone.
logging.basicConfig()
with trace.get_tracer("probe").start_as_current_span("probe"):
    metrics.get_meter("probe").create_counter("probe.count").add(1)
    logging.getLogger("probe").warning("a record of the probe")
