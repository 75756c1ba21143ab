"""Spans for a collector, where the environment names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_hooks.clock import Clock
from cds_hooks.commands.refusal import Refusal
from cds_hooks.settings import Settings
from plugin.document.assessment_document import engine_version

if TYPE_CHECKING:
    from cds_hooks.observing.tracing import Tracing


def open_tracing(settings: Settings, clock: Clock) -> Tracing | None:
    """What sends spans to the collector of the settings; None without one. Raises Refusal without the extra."""
    if settings.trace_endpoint is None:
        return None
    try:
        from cds_hooks.observing.tracing import Tracing  # noqa: PLC0415 - an extra, and dear to import
    except ImportError:
        raise Refusal(
            "TRD_CDS_TRACE_ENDPOINT",
            "is set, and OpenTelemetry is not installed",
            "install the extra: trd-cds-hooks[tracing], or unset it",
        ) from None
    return Tracing(settings.trace_endpoint, share=settings.trace_share, version=engine_version(), clock=clock)
