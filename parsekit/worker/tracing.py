"""OpenTelemetry traces: a span a run of a task, continued from its caller's, and one a step.

Switched on by OpenTelemetry's own variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` and the like); without
them nothing of it is imported. Needs the extra ``parsekit[otel]``.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from parsekit.logs.context import NAMES, current_facts
from parsekit.logs.spans import End, spans
from parsekit.redaction.secrets import cleaned, cleaned_name

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from parsekit.model import Outcome

log = logging.getLogger(__name__)

#: Headers of the W3C that say which trace a message belongs to.
TRACE_HEADERS = ("traceparent", "tracestate")
#: Longer ones are no trace's, characters.
_MAX_HEADER = 600
#: Longer facts are cut, characters: callers choose some of them.
_MAX_FACT = 500
#: What a collector that is away may delay the end of a process, seconds.
_CLOSE_SECONDS = 3.0
_SWITCHES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
)


def traces_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's variables ask for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and not none and any(environ.get(name) for name in _SWITCHES)


def begin_traces() -> Traces | None:
    """Trace this process; call it after a fork, as the exporter is a thread. None: not wanted."""
    if not traces_wanted():
        return None
    try:
        return Traces(_provider())
    except ImportError as exc:
        log.warning("no traces: %s; run pip install 'parsekit[otel]'", exc)
        return None


def _provider() -> TracerProvider:
    """The one that somebody set up before us, or one that exports over HTTP."""
    from opentelemetry import trace  # noqa: PLC0415  (an extra)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return known
    os.environ.setdefault("OTEL_SERVICE_NAME", "parsekit")
    made = TracerProvider(resource=Resource.create())
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


class Traces:
    """The tracer of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("parsekit")
        spans.begin = self._step

    @contextmanager
    def run(self, request: Any) -> Iterator[None]:
        """One run of a task, for the length of the block; ``request`` is Celery's."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        with self._tracer.start_as_current_span(
            "parseReplay",
            context=TraceContextTextMapPropagator().extract(trace_headers(request)),
            kind=SpanKind.CONSUMER,
            attributes={"parsekit.task_id": str(request.id)},
            record_exception=False,  # its text may hold what no log does
            set_status_on_exception=False,
        ):
            yield

    def ended(self, outcome: Outcome) -> None:
        """Say how the task ended whose run is at hand."""
        from opentelemetry.trace import StatusCode, get_current_span  # noqa: PLC0415

        span, failure = get_current_span(), outcome.failure
        how = failure.code if failure else "cached" if outcome.cached else "parsed"
        span.set_attribute("parsekit.outcome", how)
        if failure is not None:
            span.set_status(StatusCode.ERROR, how)

    def current_headers(self) -> dict[str, str]:
        """Headers with which a message goes on in the trace at hand."""
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        headers: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(headers)
        return headers

    def close(self) -> None:
        """Send what is left, within seconds."""
        spans.begin = None
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(_CLOSE_SECONDS)

    def _step(self, name: str) -> End:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        opened = self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        )
        span = opened.__enter__()

        def end(outcome: str, failed: bool) -> None:
            for fact, value in current_facts().items():
                if isinstance(value, str | int) and value != "":
                    span.set_attribute(f"parsekit.{fact}", _shown(fact, value))
            span.set_attribute("parsekit.outcome", outcome)
            if failed:
                span.set_status(StatusCode.ERROR, outcome)
            opened.__exit__(None, None, None)

        return end


def _shown(fact: str, value: str | int) -> str | int:
    """Without secrets, as in a line of the log."""
    if not isinstance(value, str):
        return value
    return (cleaned_name(value) if fact in NAMES else cleaned(value))[:_MAX_FACT]


def run_span(traces: Traces | None, request: Any) -> AbstractContextManager[None]:
    """`Traces.run`, or nothing."""
    return nullcontext() if traces is None else traces.run(request)


def trace_headers(request: Any) -> dict[str, str]:
    """The caller's, as far as they are text that could be one."""
    found = {name: getattr(request, name, None) for name in TRACE_HEADERS}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and len(value) <= _MAX_HEADER
    }
