"""What the commands take from their surroundings: settings from the environment, an address to bind."""

from __future__ import annotations

import socket

from pydantic import ValidationError

from cds_hooks.commands.refusal import Refusal
from cds_hooks.settings import Settings

PREFIX = "TRD_CDS_"


def read_settings() -> Settings:
    """The settings of the environment; raises Refusal naming the first variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        variable = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise Refusal(variable, f"cannot be used ({first['msg']})", "correct or unset it") from None


def require_free(host: str, port: int) -> None:
    """Raise Refusal unless a server could bind `host` and `port` now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as fault:
        reason = (fault.strerror if isinstance(fault, OSError) else None) or "not usable"
        raise Refusal(
            f"address {host}:{port}", f"cannot be used ({reason})", "choose others with --host and --port"
        ) from None


def address_of(host: str, port: int) -> str:
    """The http address of a server on `host` (IPv6 in brackets) and `port`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
