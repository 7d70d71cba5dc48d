"""Spans by OpenTelemetry. Imported only where TRACES_URL is set: its packages are optional, and take long to import."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as Their
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.release import release
from core.tracing import Attributes, Kind, Span

KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "client": SpanKind.CLIENT}


class OtelSpan:
    """The Span port."""

    def __init__(self, span: Their) -> None:
        self._span = span
        known = span.get_span_context()
        self.traceparent = f"00-{known.trace_id:032x}-{known.span_id:016x}-{int(known.trace_flags):02x}"

    def note(self, name: str, value: str | int) -> None:
        self._span.set_attribute(name, value)


class OtelTracing:
    """The Tracing port. A parent is always named: no context is carried from thread to thread.

    provider: makes the spans, and sends them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("quittance", release())
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Iterator[Span]:
        context = self._propagator.extract({"traceparent": parent} if parent else {}, Context())
        span = self._tracer.start_span(name, context, KINDS[kind], dict(attributes))
        try:
            yield OtelSpan(span)
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)  # its text may quote a request
            raise
        finally:
            span.end()

    def close(self) -> None:
        self._provider.shutdown()


def sending_to(url: str) -> OtelTracing:
    """Sends spans to this URL, OTLP over HTTP, in a thread of its own: build it after a fork."""
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "quittance"}
    provider = TracerProvider(resource=Resource.create({**named, "service.version": release()}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return OtelTracing(provider)
