"""What every call needs, made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.catalogue import Query
from cds_hooks.clock import Clock
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.on_need import Need
from cds_hooks.settings import Settings
from cds_hooks.verdict_memory import VerdictMemory
from mappings.load import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Settings, knowledge, clock and network of one process. In a `demo` every card says that it is one."""

    settings: Settings
    knowledge: Knowledge
    queries: tuple[Query, ...]
    needs: tuple[Need, ...]
    clock: Clock
    ehr: EhrAccess
    memory: VerdictMemory | None
    engine: str
    demo: bool = False
