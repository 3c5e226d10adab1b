"""Traces: continued from the caller, a span a step, over all hops of a task, in any pool."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from devkit.deployment import poll
from parsekit.errors import InvalidReplay
from parsekit.logs import steps
from parsekit.logs.context import working_on
from parsekit.logs.steps import Step
from parsekit.model import Failure, Outcome
from parsekit.worker import tracing
from parsekit.worker.tracing import (
    begin_traces,
    note_end,
    run_span,
    trace_headers,
    traces_wanted,
)

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (steps, tracing):
        monkeypatch.setattr(module, "tracer", provider.get_tracer("parsekit"))
    return exporter


def test_steps_are_children_of_the_run_and_the_run_of_its_caller(exported):
    request = SimpleNamespace(id="task-1", traceparent=TRACEPARENT)
    with run_span(request), working_on(lambda: {"parser": "local", "attempt": 1}):
        with Step("look up") as step:
            step.outcome = "miss"
        with pytest.raises(InvalidReplay), Step("check"):
            raise InvalidReplay("secret text")
    look, check, run = exported.get_finished_spans()
    assert [look.name, check.name, run.name] == ["look up", "check", "parseReplay"]
    assert {f"{span.context.trace_id:032x}" for span in (look, check, run)} == {TRACE}
    assert f"{run.parent.span_id:016x}" == CALLER
    assert look.parent.span_id == check.parent.span_id == run.context.span_id
    assert look.attributes["parsekit.outcome"] == "miss"
    assert look.attributes["parsekit.parser"] == "local"
    assert look.status.status_code is StatusCode.UNSET
    assert check.status.description == "invalid_replay"
    assert "secret" not in check.to_json()


@pytest.mark.parametrize("failed", [False, True])
def test_the_span_of_a_run_says_how_its_task_ended(exported, failed):
    error = Failure.of(InvalidReplay("secret text")) if failed else None
    with run_span(SimpleNamespace(id="task-1")):
        note_end(Outcome(replay="a", task_id="task-1", cached=True, failure=error))
    (run,) = exported.get_finished_spans()
    assert run.attributes["parsekit.outcome"] == ("invalid_replay" if failed else "cached")
    assert run.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert "secret" not in run.to_json()


def test_what_callers_name_is_masked_and_cut(exported):
    facts = {"replay": "http://ann:Pa55word@host/a?" + "x" * 9000, "attempt": 1}
    with run_span(SimpleNamespace(id="task-1")), working_on(lambda: facts), Step("look up"):
        pass
    look, _ = exported.get_finished_spans()
    assert "Pa55word" not in look.to_json()
    assert 100 < len(look.attributes["parsekit.replay"]) < 1000
    assert look.attributes["parsekit.attempt"] == 1


@pytest.mark.parametrize("header", [None, "", "nonsense", "00-" + "0" * 32, 7, ["x"], "x" * 10_000])
def test_a_header_that_is_none_begins_a_trace_of_its_own(exported, header):
    with run_span(SimpleNamespace(id="task-1", traceparent=header)):
        pass
    (run,) = exported.get_finished_spans()
    assert run.parent is None


def test_only_text_travels_on():
    given = SimpleNamespace(traceparent=TRACEPARENT, tracestate=["no", "text"])
    assert trace_headers(given) == {"traceparent": TRACEPARENT}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_opentelemetrys_own_variables_switch_it_on(environ, wanted):
    assert traces_wanted(environ) is wanted


def test_no_sdk_is_imported_where_it_is_not_wanted():
    code = (
        "import sys, parsekit.worker.task as t; from parsekit.worker.tracing import begin_traces;"
        # redis-py imports the part for metrics by itself where it is installed
        "begin_traces(); heavy = {'opentelemetry.sdk.trace', 'opentelemetry.exporter'};"
        "print(heavy & {*sys.modules})"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_without_the_extra_it_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    begin_traces()
    assert "parsekit[otel]" in caplog.text


class Collector:
    """An OTLP receiver over HTTP."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raise ValueError("not asked for")
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.found.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def named(self, name: str) -> list[Any]:
        return [span for span in self.found if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("headers", [{"traceparent": TRACEPARENT}, {}])
def test_all_runs_of_a_task_that_waits_are_in_one_trace(service, collector, pool, headers):
    service.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    service.remote_is(pending_s=2)
    worker = service.worker("--pool", pool, "--concurrency", "1").ready()
    service.send(service.replay("one"), headers=headers).get(timeout=60)
    poll(lambda: collector.named("report"))
    worker.stop()
    runs = collector.named("parseReplay")
    assert len(runs) > 1
    ends = [{a.key: a.value.string_value for a in run.attributes} for run in runs]
    assert [e["parsekit.outcome"] for e in ends if "parsekit.outcome" in e] == ["parsed"]
    ids = {span.trace_id.hex() for span in collector.found}
    assert ids == {TRACE} if headers else len(ids) == 1
    assert {"look up", "fetch", "check", "parse", "store", "report"} <= {
        span.name for span in collector.found
    }
