"""The chart of a session, read again for every page by the same way as a hook reads it, with more time.

The patient is read first and alone: that tells whether the EHR still accepts the token, before a refusal could be taken
for missing data.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import uuid4
from zoneinfo import ZoneInfo

from cds_hooks import gather
from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.envelope import Authorization, HookRequest, Resource
from cds_hooks.errors import EssentialDataMissing, PatientMismatch
from cds_hooks.gather import Gathered, OnNeed
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.smart.sessions import Session

_TOKEN_MARGIN_SECONDS = 1.0


class TokenNotAccepted(Exception):  # noqa: N818 - expected: the session is renewed, or over
    """The EHR answered 401: the token has ended, or was taken back."""


@dataclass(frozen=True, slots=True)
class ChartRead:
    """All that was read for one page, and the Patient among it."""

    patient: Resource = field(repr=False)
    gathered: Gathered = field(repr=False)


async def read_chart(
    deployment: Deployment, ehr: RegisteredEhr, caller: Caller, session: Session, line: CallLine
) -> ChartRead:
    """The chart of `session`. Raises TokenNotAccepted, and SmartRefused when nothing may be said without the data."""
    now = deployment.clock.now()
    lives = session.token_ends - now.timestamp()
    authorization = Authorization(session.token, lives, session.patient, session.scope or None)
    seconds = deployment.settings.smart_deadline_seconds
    budget = Budget.starting(
        asyncio.get_running_loop().time(),
        soft_seconds=seconds,
        hard_seconds=seconds,
        token_seconds=lives - _TOKEN_MARGIN_SECONDS,
    )
    fhir = deployment.ehr.client(ehr.base, authorization, budget=budget, stated=caller.searches, line=line)
    try:
        with line.stage("gather"):
            patient = await fhir.read("Patient", session.patient)
            patient_key = next(query.key for query in deployment.queries if query.is_read)
            gathered = await gather.gather(
                HookRequest(
                    hook="patient-view",
                    hook_instance=str(uuid4()),
                    fhir_server=str(ehr.base),
                    authorization=authorization,
                    user_id=session.user,
                    patient_id=session.patient,
                    prefetch={patient_key: patient},
                ),
                queries=deployment.queries,
                besides=OnNeed(deployment.needs, now.astimezone(ZoneInfo(caller.time_zone)).date()),
                fhir=fhir,
                budget=budget,
            )
    except FhirFailure as failure:
        if failure.status == HTTPStatus.UNAUTHORIZED:
            raise TokenNotAccepted from None
        raise SmartRefused("chart-unreadable") from None
    except EssentialDataMissing:
        raise SmartRefused("chart-unreadable") from None
    except PatientMismatch:
        raise SmartRefused("other-patient") from None
    line.resources, line.gaps = len(gathered.resources), tuple(gap.what for gap in gathered.gaps)
    line.budget = gathered.cut
    return ChartRead(patient, gathered)
