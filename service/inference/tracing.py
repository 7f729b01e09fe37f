"""Traces by OpenTelemetry, off unless DAGUERRE_TRACES names a collector: requests, batches, and stages of requests.

A request is a child of the span in its header `traceparent`; images that are decoded and texts that are tokenised are
children of their request. A batch has rows of several requests, and is a trace of its own. No span has contents, ids,
names of files or keys.
"""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_tracer: "Tracer | None" = None  # of this process; None: nothing is traced
Parent = Any  # a context of OpenTelemetry, None for none


def start(endpoint: str, version: str) -> "TracerProvider | None":
    """Send spans to a collector from now on; nothing without an endpoint. Raises ModuleNotFoundError."""
    global _tracer
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(
            "DAGUERRE_TRACES needs an exporter; install the extra traces, or leave the setting out"
        ) from exc
    about = Resource.create({"service.name": "daguerre", "service.version": version})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("daguerre", version)
    return provider


def begin(traceparent: str | None = None) -> "Span | None":
    """Begin the span of a request, which `current` returns until its end in this context; None if nothing is traced."""
    if _tracer is None:
        return None
    from opentelemetry.context import attach
    from opentelemetry.trace import SpanKind, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    outer = TraceContextTextMapPropagator().extract({"traceparent": traceparent} if traceparent else {})
    span = _tracer.start_span("request", context=outer, kind=SpanKind.SERVER)
    attach(set_span_in_context(span))  # of the task of this request alone
    return span


def end(span: "Span | None", *, operation: str, transport: str, status: int) -> None:
    """End the span of a request with its outcome."""
    if span is None:
        return
    from opentelemetry.trace import Status, StatusCode

    span.update_name(operation)
    span.set_attributes({"daguerre.operation": operation, "daguerre.transport": transport, "daguerre.status": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def current() -> Parent:
    """The context of the request, for `record` in another thread; None if nothing is traced."""
    if _tracer is None:
        return None
    from opentelemetry.context import get_current

    return get_current()


def record(name: str, seconds: float, parent: Parent = None, **attributes: str | int) -> None:
    """Record a span that has just ended: a stage of the request `parent`, or a trace of its own."""
    if _tracer is None:
        return
    from opentelemetry.context import Context

    now = time.time_ns()
    own = Context() if parent is None else parent
    span = _tracer.start_span(name, context=own, start_time=now - int(seconds * 1e9))
    span.set_attributes({f"daguerre.{key}": value for key, value in attributes.items()})
    span.end(now)
