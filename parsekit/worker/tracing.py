"""OpenTelemetry traces: a span a run of a task, continued from its caller's, and one a step.

The calls do nothing until `begin_traces` sets up the SDK, which OpenTelemetry's own variables ask
for (``OTEL_EXPORTER_OTLP_ENDPOINT`` and the like). Needs the extra ``parsekit[otel]`` then.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from parsekit.logs.steps import current_span

if TYPE_CHECKING:
    from parsekit.model import Outcome

log = logging.getLogger(__name__)
tracer = trace.get_tracer("parsekit")

#: Headers of the W3C that say which trace a message belongs to.
TRACE_HEADERS = ("traceparent", "tracestate")
#: Longer ones are no trace's, characters.
_MAX_HEADER = 600
#: What a collector that is away may delay the end of a process, seconds.
_CLOSE_SECONDS = 3.0
_SWITCHES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
)
_propagator = TraceContextTextMapPropagator()


def traces_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's variables ask for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and not none and any(environ.get(name) for name in _SWITCHES)


def begin_traces() -> None:
    """Export the traces of this process where they are wanted; call it after a fork.

    The exporter is a thread. A provider that somebody set up before stays.
    """
    if not traces_wanted():
        return
    try:
        _set_up_sdk()
    except ImportError as exc:
        log.warning("no traces: %s; run pip install 'parsekit[otel]'", exc)
    else:
        log.info("traces of this process are exported")


def _set_up_sdk() -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  (an extra)
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    os.environ.setdefault("OTEL_SERVICE_NAME", "parsekit")
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def end_traces() -> None:
    """Send what is left, within seconds."""
    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:  # an SDK's
        thread = threading.Thread(target=shutdown, daemon=True)
        thread.start()
        thread.join(_CLOSE_SECONDS)


def run_span(request: Any) -> AbstractContextManager[trace.Span]:
    """One run of a task, for the length of a ``with`` block; ``request`` is Celery's."""
    return current_span(
        tracer.start_span(
            "parseReplay",
            context=_propagator.extract(_headers_of_caller(request)),
            kind=trace.SpanKind.CONSUMER,
            attributes={"parsekit.task_id": str(request.id)},
        )
    )


def note_end(outcome: Outcome) -> None:
    """Say in the span of this run how its task ended."""
    span, failure = trace.get_current_span(), outcome.failure
    how = failure.code if failure else "cached" if outcome.cached else "parsed"
    span.set_attribute("parsekit.outcome", how)
    if failure is not None:
        span.set_status(trace.StatusCode.ERROR, how)


def trace_headers(request: Any) -> dict[str, str]:
    """Headers with which a message of this task goes on in its trace.

    The caller's; where it has none, all runs of the task are in the trace of the first.
    """
    if not (headers := _headers_of_caller(request)):
        _propagator.inject(headers)
    return headers


def _headers_of_caller(request: Any) -> dict[str, str]:
    """As far as they are text that could be one."""
    found = {name: getattr(request, name, None) for name in TRACE_HEADERS}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and len(value) <= _MAX_HEADER
    }
