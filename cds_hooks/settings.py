"""What an operator may set: every value is read once from the environment (``TRD_CDS_…``) or given in code.

Lists are written with commas: ``TRD_CDS_CORS_ORIGINS=https://a.example,https://b.example``.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Immutable settings of one process.

    `base_url` is the public address of this deployment (what a client puts in `aud`, what card links point
    to), without a trailing slash. `open_mode` turns client authentication off: only for the demo, only on
    loopback. `fhir_servers` is the allow-list of FHIR base addresses in open mode (with authentication on,
    each client's registry entry holds its own). `deadline_seconds` bounds all FHIR reading of one call;
    `max_pages` and `max_resources` bound one search. `definition` is that of the whole deployment; `jurisdiction`
    and `time_zone` apply in open mode (with authentication on, each client's registry entry holds its own); without a
    jurisdiction that of the site overlay holds, else us. `site` is the directory of that overlay, if there is one.
    """

    model_config = SettingsConfigDict(env_prefix="TRD_CDS_", frozen=True, extra="ignore")

    base_url: str = "http://127.0.0.1:8000"
    open_mode: bool = False
    registry_file: Path | None = None
    fhir_servers: CommaList = ()
    cors_origins: CommaList = ()
    deadline_seconds: float = Field(default=4.0, gt=0, le=60)
    max_body_bytes: int = Field(default=10_000_000, ge=1_000)
    max_pages: int = Field(default=20, ge=1)
    max_resources: int = Field(default=5_000, ge=1)
    remember_verdicts: bool = True
    jurisdiction: Literal["us", "eu"] | None = None
    site: Path | None = None
    definition: str | None = None
    time_zone: str = "UTC"

    @field_validator("fhir_servers", "cors_origins", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("give an absolute address that starts with http:// or https://")
        return value.rstrip("/")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


def known_zone(name: str) -> str:
    """The IANA time-zone name itself; ValueError with a remedy when there is no such zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("not an IANA time zone; write for example America/Chicago or Europe/Berlin") from error
    return name


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or address, brackets allowed) can only be reached from this machine."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False
