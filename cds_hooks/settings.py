"""What an operator may set: every value is read once from the environment (``TRD_CDS_…``) or given in code.

Lists are written with commas: ``TRD_CDS_CORS_ORIGINS=https://a.example,https://b.example``.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cds_hooks.ehr.addresses import AddressRule, Network

# Loopback, link-local, multicast, and "this" network, in both versions of IP.
_NEVER_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "0.0.0.0/8", "::1/128", "fe80::/10", "ff00::/8", "::/128",
    )
)  # fmt: skip
CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Immutable settings of one process.

    `base_url` is the public address of this deployment (what a client puts in `aud`, what card links point
    to), without a trailing slash. `open_mode` turns client authentication off: only for the demo, only on
    loopback. `fhir_servers` is the allow-list of FHIR base addresses in open mode (with authentication on,
    each client's registry entry holds its own). `definition` is that of the whole deployment; `jurisdiction`
    and `time_zone` apply in open mode (with authentication on, each client's registry entry holds its own); without a
    jurisdiction that of the site overlay holds, else us. `site` is the directory of that overlay, if there is one.

    `announce_versions` has discovery name the versions of CDS Hooks and of each hook, as drafts of 3.0 have it.

    `deadline_seconds` bounds all FHIR reading of one call, which begins when it is the call's turn at that server, at
    most `turn_seconds` after it came; after `soft_budget_seconds` nothing is waited for that
    cannot change a verdict or a safety statement. A call is refused when those before it will take the process
    longer than `queue_seconds`. `our_codes` says whether FHIR servers are asked for the
    codes of this project, too, which only its synthetic patients have; without it, in open mode. `max_pages` and
    `max_resources` bound one search,
    `max_response_bytes` one answer and `max_call_bytes` all answers of one call, both unpacked. `ehr_connections` is
    how many connections one worker has to one host at most, `ehr_http2` whether HTTP/2 is used where a server offers
    it over TLS, `ehr_attempts` how often a request is made at most. Names on an allow-list must lie in the public
    internet or in one of `private_networks`, the site's own, as CIDR. `system_client_file` describes the client that
    this service is to a FHIR server in the background, never in a hook.

    Records are kept in `database_url`, without one in a file below `data_dir`, under the key in `key_file`, without one
    in a file below `data_dir` that is made on first use. `record_users` says whether clinicians are named by their
    reference or by a pseudonym; `comments` whether what they write is dropped or kept encrypted; the `keep_` days how
    long records stay; `repeat_memory_days` how long an answer silences the same finding (0: never);
    `sitting_hours` how long opening a record again shows the full set, and an answer at order-select holds for
    order-sign. `governance_file` lists who may read the governance pages; `metrics_token` is what a scraper must send;
    `trace_endpoint` is the whole address at which a collector takes spans over OTLP, and `trace_share` the part of the
    calls that are sent there when the caller does not decide; without an address there are no spans;
    `drain_seconds` how long a stopping server waits for calls in flight.

    `smart_file` lists the EHRs at which the app is registered; without it there is no app. A session of the app ends
    after `smart_idle_minutes` without use and after `smart_session_minutes` at the latest; `smart_deadline_seconds`
    bounds the reading of one page.
    """

    model_config = SettingsConfigDict(env_prefix="TRD_CDS_", frozen=True, extra="ignore")

    base_url: str = "http://127.0.0.1:8000"
    open_mode: bool = False
    registry_file: Path | None = None
    fhir_servers: CommaList = ()
    cors_origins: CommaList = ()
    soft_budget_seconds: float = Field(default=0.35, gt=0, le=60)
    deadline_seconds: float = Field(default=1.6, gt=0, le=60)
    turn_seconds: float = Field(default=10, gt=0, le=60)
    queue_seconds: float = Field(default=2.0, gt=0, le=60)
    announce_versions: bool = False
    max_body_bytes: int = Field(default=10_000_000, ge=1_000)
    max_response_bytes: int = Field(default=20_000_000, ge=1_000)
    max_call_bytes: int = Field(default=60_000_000, ge=1_000)
    our_codes: bool | None = None
    max_pages: int = Field(default=20, ge=1)
    max_resources: int = Field(default=5_000, ge=1)
    ehr_connections: int = Field(default=32, ge=1, le=200)
    ehr_http2: bool = True
    ehr_attempts: int = Field(default=3, ge=1, le=5)
    private_networks: CommaList = ()
    system_client_file: Path | None = None
    remember_verdicts: bool = True
    jurisdiction: Literal["us", "eu"] | None = None
    site: Path | None = None
    definition: str | None = None
    time_zone: str = "UTC"
    data_dir: Path = Path("trd-cds-data")
    database_url: SecretStr | None = None
    key_file: Path | None = None
    record_users: Literal["reference", "pseudonym"] = "reference"
    comments: Literal["drop", "encrypt"] = "drop"
    keep_cards_days: int = Field(default=730, ge=1, le=36_500)
    keep_feedback_days: int = Field(default=730, ge=1, le=36_500)
    keep_audit_days: int = Field(default=2_192, ge=1, le=36_500)
    repeat_memory_days: int = Field(default=30, ge=0, le=365)
    sitting_hours: int = Field(default=12, ge=1, le=60)
    governance_file: Path | None = None
    metrics_token: SecretStr | None = None
    trace_endpoint: str | None = None
    trace_share: float = Field(default=1.0, ge=0, le=1)
    drain_seconds: int = Field(default=30, ge=1, le=600)
    smart_file: Path | None = None
    smart_idle_minutes: int = Field(default=15, ge=1, le=60)
    smart_session_minutes: int = Field(default=60, ge=1, le=480)
    smart_deadline_seconds: float = Field(default=8.0, gt=0, le=60)

    @property
    def asks_our_codes(self) -> bool:
        """Whether FHIR servers may hold scores under the codes of this project."""
        return self.open_mode if self.our_codes is None else self.our_codes

    @property
    def database_address(self) -> str:
        """The URL of the database; it may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path:
        """The file of the embedded database, used where no address is given."""
        return self.data_dir / "trd-cds.sqlite3"

    @field_validator("fhir_servers", "cors_origins", "private_networks", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("private_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            _private_network(text)
        return value

    @property
    def address_rule(self) -> AddressRule:
        """Which addresses the names on the allow-lists may have."""
        return AddressRule(tuple(_private_network(text) for text in self.private_networks))

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("give an absolute address that starts with http:// or https://")
        return value.rstrip("/")

    @field_validator("trace_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
            raise ValueError("give the collector's whole address, for example http://127.0.0.1:4318/v1/traces")
        return value

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


def _private_network(text: str) -> Network:
    """The network written as `text`; ValueError with a remedy for none, and for one in which no FHIR server may be."""
    try:
        network = ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError("not a network; write it as CIDR with no bit set behind it, as in 10.20.0.0/16") from error
    if any(network.version == never.version and network.overlaps(never) for never in _NEVER_PRIVATE):
        raise ValueError(
            "holds loopback, link-local, multicast or unspecified addresses, where nothing may be called by a name; "
            "write the networks in which the FHIR servers stand"
        )
    return network


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or address, brackets allowed) can only be reached from this machine."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False
