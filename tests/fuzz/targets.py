"""What is fuzzed: how one input is made from chance, and what must hold of what comes of it.

An input is a value that can be written to a file and read again; the same seed, target and number give the same input.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson

from cds_hooks.catalogue import queries
from cds_hooks.envelope import decode, read_request
from cds_hooks.errors import HookFault
from cds_hooks.feedback import read_feedback
from cds_hooks.prefetch import read_key, unregistered
from mappings.load import Knowledge
from plugin import assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.ingest import read_orders, read_record, read_standing_orders, resources_of_text, split_patients
from plugin.ingest.directions import DirectionsReader
from plugin.ingest.documents import UnusableInput
from tests.edge.conftest import BASE, FHIR, ISSUER, NOW
from tests.fuzz.corpus import HOOKS, Corpus, corpus, with_token
from tests.fuzz.doors import FHIR_SERVERS, Door, Doors, Headers
from tests.fuzz.hostile import TEXTS, TYPES, hostile
from tests.fuzz.mutation import mutated, mutated_bytes, text_near, written_out
from tests.fuzz.oracle import AS_OF, answer_faults, decode_faults, direction_faults, leaks, record_faults
from tests.fuzz.planting import Planted

Faults = Iterator[str]
_ZONES = (None, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/Chicago"))
_CALLS_OF_A_SERVER = 25


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is fuzzed. `of_1000` is its share of a run; `make` and `judge` as above; `kind` says how an input
    is written.
    """

    name: str
    of_1000: float
    make: Callable[[Random], Any]
    judge: Callable[[Any], Faults]
    told: str

    def at(self, seed: int, number: int) -> Any:
        """The input of this seed and number."""
        try:
            return self.make(Random(f"{seed}/{self.name}/{number}"))
        except RecursionError:  # the making met its own nesting
            return self.make(Random(f"{seed}/{self.name}/{number} again"))

    @staticmethod
    def written(value: Any) -> str:
        """The input as text: JSON, bytes in base64, lone surrogates and NaN as Python's own decoder reads them."""
        return json.dumps(value, default=lambda raw: {"base64": base64.b64encode(raw).decode()})

    @staticmethod
    def read(text: str) -> Any:
        """The input that was written."""

        def of(made: dict[str, Any]) -> Any:
            return base64.b64decode(made["base64"]) if set(made) == {"base64"} else made

        return json.loads(text, object_hook=of)


@dataclass
class Fuzzed:
    """The parts of the product as the targets call them; one for a run."""

    knowledge: Knowledge
    doors: Doors
    planted: Planted
    known: Corpus = field(default_factory=corpus)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    _pulled: int = 0
    _signed: int = 0

    def __post_init__(self) -> None:
        known, planted = self.known, self.planted.into_value
        self.known = Corpus(
            requests=tuple(planted(list(known.requests))),
            feedback=tuple(planted(list(known.feedback))),
            charts=tuple(tuple(planted(list(chart))) for chart in known.charts),
            resources=tuple(planted(list(known.resources))),
            directions=known.directions,
            words=known.words,
        )
        knowledge = self.knowledge
        languages = knowledge.directions.values()
        self.reader = DirectionsReader(languages, knowledge.dosing.period_days)
        self.limits = next(words.limits for words in languages if words.limits is not None)
        written = {word for words in languages for unit in words.units for word in unit.written}
        rates = {word for words in languages for rate in words.rates for word in rate.written}
        self.words = (*known.words, *sorted(written), *sorted(rates), *_FOREIGN)
        self.queries = queries(knowledge)

    # Directions in words.

    def make_sig(self, chance: Random) -> str:
        """Words of directions in any order, a known text bent, or a hostile text."""
        kind = chance.random()
        if kind < 0.45:
            words = chance.choices(self.words, k=chance.randrange(1, 14))
            return chance.choice((" ", " ", " ", ", ", "  ", "\u00a0", "")).join(words)
        if kind < 0.90:
            text = chance.choice(self.known.directions)
            for _ in range(chance.randrange(1, 4)):
                text = text_near(text, chance)
            return text
        if kind < 0.96:
            return f"{chance.choice(self.known.directions)}{chance.choice(('; ', ' then ', ' '))}{hostile(chance)}"
        return str(hostile(chance))

    def judge_sig(self, text: str) -> Faults:
        """Read by the reader alone, and twice."""
        yield from direction_faults(self.reader.read(text), self.reader.read(text), self.limits)

    # Bodies.

    def make_body(self, chance: Random) -> bytes:
        """A request or feedback with bytes changed, or a document changed and written out."""
        kind = chance.random()
        if kind < 0.15:
            document: Any = chance.choice(self.known.feedback)
        else:
            document = chance.choice(self.known.requests[: -len(self.known.charts)])[1]
        donors = self.known.resources
        if kind < 0.55:
            document = mutated(document, chance, donors)
        body = written_out(document, chance)
        if kind > 0.45:
            body = mutated_bytes(body, chance, orjson.dumps(chance.choice(donors)))
        return body

    def judge_body(self, body: bytes) -> Faults:
        """Taken apart, and read as request, as prefetch key by key and as feedback: only faults of the caller."""
        yield from decode_faults(body)
        try:
            found = decode(body)
            if "feedback" in found:
                read_feedback(found, self.knowledge.override_reasons)
            else:
                request = read_request(found)
                for query in self.queries:
                    read_key(query, request.prefetch)
                list(unregistered(self.queries, request.prefetch))
        except HookFault as fault:
            if not 400 <= fault.status < 500 or self.planted.secret in str(fault):
                yield f"a fault of status {fault.status}"

    # Records.

    def make_record(self, chance: Random) -> list[Any]:
        """A few resources of one chart or of any, changed; seldom junk alone."""
        kind = chance.random()
        if kind < 0.70:
            chart = chance.choice(self.known.charts)
            chosen: list[Any] = [chart[0], *chance.sample(chart, min(len(chart), chance.randrange(1, 5)))]
        elif kind < 0.95:
            chosen = chance.sample(self.known.resources, chance.randrange(1, 5))
        else:
            return [hostile(chance, numbers_of_no_json=True) for _ in range(chance.randrange(4))]
        for _ in range(chance.choice((1, 1, 2, 3))):
            place = chance.randrange(len(chosen))
            chosen[place] = mutated(chosen[place], chance, self.known.resources)
        if chance.random() < 0.05 and isinstance(chosen[0], dict):
            chosen[0] = {**chosen[0], "resourceType": chance.choice(TYPES)}
        return chosen

    def judge_record(self, resources: list[Any]) -> Faults:
        """Read as a record, as drafted orders and as orders that stand."""
        record = read_record(resources, knowledge=self.knowledge, zone=_ZONES[len(resources) % len(_ZONES)])
        yield from record_faults(record)
        read_orders(resources, knowledge=self.knowledge)
        split_patients(resources)

    def judge_whole(self, sent: list[Any]) -> Faults:
        """Read from a file, judged, advised on and written out, in Europe and the United States."""
        try:
            resources: list[Any] = list(resources_of_text(json.dumps(sent)))
        except (UnusableInput, RecursionError):  # the writing of a document that is nested too deep, not its reading
            return
        jurisdiction = ("us", "eu")[len(resources) % 2]
        known: dict[str, Any] = {"knowledge": self.knowledge, "jurisdiction": jurisdiction}
        record = read_record(resources, **known)
        yield from record_faults(record)
        objects = [one for one in resources if isinstance(one, dict)]
        orders = read_orders(resources, **known)
        stood = read_standing_orders(objects, objects, as_of=AS_OF, **known)
        assessment = assess(record, as_of=AS_OF, orders=orders, stood=stood, **known)
        drafts = advise(assessment, hook=HOOKS[len(objects) % len(HOOKS)], knowledge=self.knowledge)
        if any(len(draft.summary) == 0 for draft in drafts):
            yield "a card without a summary"
        orjson.dumps(to_document(assessment))
        explain(assessment)

    def make_chart(self, chance: Random) -> list[Any]:
        """Most of one chart, one resource or several changed."""
        chart = list(chance.choice(self.known.charts))
        for _ in range(chance.randrange(1, 5)):
            place = chance.randrange(len(chart))
            chart[place] = mutated(chart[place], chance, self.known.resources)
        return chart

    def make_file(self, chance: Random) -> str:
        """A file of resources, one a line or one document, bytes changed."""
        chosen = chance.sample(self.known.resources, chance.randrange(1, 4))
        text = b"\n".join(orjson.dumps(one) for one in chosen) if chance.random() < 0.6 else orjson.dumps(chosen)
        return mutated_bytes(text, chance, b"{}\n[]\r\n").decode("utf-8", "replace")

    def judge_file(self, text: str) -> Faults:
        """Taken apart: only the one fault that says so."""
        try:
            list(resources_of_text(text))
        except UnusableInput as fault:
            if self.planted.secret in str(fault):
                yield "the secret in an error"

    # Whole calls.

    def make_hook(self, chance: Random) -> dict[str, Any]:
        """A call of any service, its body a request with its parts changed, written out, seldom with bytes changed."""
        # Many with a whole chart, and there the chart is changed more often than the envelope.
        charted = chance.random() < 0.4
        known = self.known.requests[-len(self.known.charts) :] if charted else self.known.requests
        service, document = chance.choice(known)
        if charted:
            prefetch = mutated(document["prefetch"], chance, self.known.resources)
            document = {**document, "prefetch": prefetch}
        if chance.random() < 0.08:
            service, document = f"trd-{HOOKS[0]}", chance.choice(self.known.feedback)
        if chance.random() < 0.10:
            service = chance.choice((*(f"trd-{hook}" for hook in HOOKS), "x", "\u00e9", "trd-order-select/feedback"))
        if chance.random() < (0.1 if charted else 0.9):
            document = mutated(document, chance, self.known.resources, gently=True)
        if chance.random() < 0.4 and isinstance(document, dict):
            document = self._reshaped(document, chance)
        if chance.random() < 0.05 and isinstance(document, dict):
            document = with_token(document)
        body = written_out(document, chance)
        if chance.random() < 0.06:
            body = mutated_bytes(body, chance, b'{"hook":"order-sign","prefetch":{}}')
        body = self.planted.into(body)
        return {"path": f"/cds-services/{service}", "body": body, "headers": self._headers(chance)}

    def _reshaped(self, document: dict[str, Any], chance: Random) -> dict[str, Any]:
        """Prefetch with keys in one of the forms of "no data", or odd; other orders drafted."""
        prefetch = document.get("prefetch")
        changed = dict(document)
        if isinstance(prefetch, dict) and prefetch:
            key = chance.choice(list(prefetch))
            form = chance.choice(_NO_DATA)
            value = form(prefetch[key])
            changed["prefetch"] = {name: item for name, item in prefetch.items() if name != key}
            if value is not _ABSENT:
                changed["prefetch"][key] = value
        context = document.get("context")
        if isinstance(context, dict) and chance.random() < 0.3:
            drafts = [chance.choice(self.known.resources) for _ in range(chance.randrange(0, 3))]
            drafts = [mutated(one, chance, ()) for one in drafts]
            changed["context"] = {
                **context,
                "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in drafts]},
            }
        return changed

    def _headers(self, chance: Random) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if chance.random() < 0.1:
            headers["content-type"] = chance.choice(("text/plain", "", "application/fhir+json", "multipart/form-data"))
        if chance.random() < 0.1:
            headers["authorization"] = f"Bearer {self.planted.token}"
        if chance.random() < 0.1:
            trace = chance.choice((self.planted.secret, self.planted.token, f"00-{'a' * 32}-{'b' * 16}-01", "x" * 5000))
            headers[chance.choice(("traceparent", "x-correlation-id", "x-request-id"))] = trace
        if chance.random() < 0.05:
            headers["origin"] = chance.choice(("https://ehr.example", "null", self.planted.secret))
        if chance.random() < 0.02:
            headers["content-length"] = chance.choice(("0", "-1", "99999999999", "x", "\u0661"))
        return headers

    def judge_hook(self, sent: Mapping[str, Any]) -> Faults:
        """Answered by the application that reads from nobody."""
        yield from self._answered(self.doors.open, "open", sent)

    def _answered(self, door: Door, name: str, sent: Mapping[str, Any]) -> Faults:
        said = door.call(sent.get("method", "POST"), sent["path"], sent["body"], _raw(sent["headers"]))
        self.statuses.setdefault(_TARGET_OF[name], Counter())[said.status] += 1
        yield from answer_faults(said, name, self.planted)

    def make_pull(self, chance: Random) -> dict[str, Any]:
        """A call that sends little of a chart along, and the seed of what the FHIR server answers of it."""
        place = chance.randrange(len(self.known.charts))
        service, document = self.known.requests[place - len(self.known.charts)]
        kept = {key: value for key, value in document["prefetch"].items() if chance.random() < 0.3}
        document = with_token({**document, "prefetch": kept})
        if chance.random() < 0.3:
            document = mutated(document, chance, (), gently=True)
        body = self.planted.into(written_out(document, chance))
        lot = {"chart": place, "server": chance.getrandbits(48)}
        return {"path": f"/cds-services/{service}", "body": body, "headers": {}, **lot}

    def judge_pull(self, sent: Mapping[str, Any]) -> Faults:
        """Answered by the application that reads from a FHIR server, which answers anything."""
        self._pulled += 1
        server = FHIR_SERVERS[self._pulled // _CALLS_OF_A_SERVER % len(FHIR_SERVERS)]
        self.doors.answer_with(partial(self._fhir, Random(sent["server"]), self.known.charts[sent["chart"]]))
        body = sent["body"].replace(FHIR.encode(), server.encode())
        yield from self._answered(self.doors.pulling, "pulling", {**sent, "body": body})

    def _fhir(self, chance: Random, chart: Sequence[Any], request: httpx.Request) -> httpx.Response:
        """Any answer of a FHIR server: well-formed, changed, of another type, broken, or an error."""
        kind = request.url.path.removeprefix("/fhir/").partition("/")[0]
        mine = [one for one in chart if one["resourceType"] == kind]
        lot = chance.random()
        if lot < 0.03:
            return httpx.Response(chance.choice(_ERRORS), content=self.planted.secret.encode())
        document: Any = {"resourceType": "Bundle", "type": "searchset", "total": len(mine),
                         "entry": [{"resource": one} for one in mine]}  # fmt: skip
        if kind == "Patient" and mine:
            document = mine[0]
        if lot < 0.25:
            document = mutated(document, chance, self.known.resources)
        body = written_out(document, chance)
        if lot < 0.06:
            body = mutated_bytes(body, chance, b"[]{}")
        headers = {"content-type": "application/fhir+json"}
        if lot > 0.95:
            headers["content-type"] = chance.choice(("application/json", "text/html", ""))
            headers["retry-after"] = chance.choice(("0", "-1", "99999999", "x", "Wed, 21 Oct 2099 07:28:00 GMT"))
        return httpx.Response(200, content=body, headers=headers)

    def make_signed(self, chance: Random) -> dict[str, Any]:
        """A call or feedback with a token, good or bent."""
        sent = self.make_hook(chance)
        service = chance.choice(HOOKS)
        lot = chance.random()
        claims: dict[str, Any] = {
            "aud": f"{BASE}/cds-services/trd-{service}", "jti": f"{chance.getrandbits(64):x}",
            "iss": ISSUER, "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 300,
        }  # fmt: skip
        if lot < 0.4:
            claims = mutated(claims, chance, (), gently=True)
            json.dumps(claims)  # what cannot be written is made otherwise
        header = mutated({"alg": "ES384", "kid": "ec/1+=", "typ": "JWT"}, chance, ()) if lot < 0.2 else None
        path = f"/cds-services/trd-{service}"
        if chance.random() < 0.3:
            path += "/feedback"
            feedback = mutated(chance.choice(self.known.feedback), chance, (), gently=True)
            sent["body"] = written_out(feedback, chance)
        return {**sent, "path": path, "claims": claims, "header": header, "bend": chance.random() if lot < 0.1 else 1.0}

    def judge_signed(self, sent: Mapping[str, Any]) -> Faults:
        """Answered by the application with a registry and records."""
        header = sent["header"] if isinstance(sent["header"], dict | str | None) else json.dumps(sent["header"])
        claims = sent["claims"]
        if isinstance(claims, dict) and isinstance(claims.get("jti"), str) and claims["jti"]:
            self._signed += 1  # the same call judged again is no replay
            claims = {**claims, "jti": f"{claims['jti']}-{self._signed}"}
        token = self.doors.keys.forge(json.dumps(claims), json.dumps(header) if isinstance(header, dict) else header)
        if sent["bend"] < 1:
            token = text_near(token, Random(sent["bend"]))
        headers = {**sent["headers"], "authorization": f"Bearer {token}"}
        yield from self._answered(self.doors.signed, "signed", {**sent, "headers": headers})

    # What everybody may read, and the exposition of metrics.

    def judge_public(self) -> Faults:
        """No planted word in metrics, discovery, health, after all that was sent."""
        for door in (self.doors.open, self.doors.pulling, self.doors.signed):
            for path in ("/metrics", "/cds-services", "/health", "/health/ready"):
                said = door.call("GET", path)
                yield from (f"{path}: {fault}" for fault in leaks(said, self.planted))
                if self.planted.secret.encode() in said.body:
                    yield f"{path}: the secret"


def _raw(headers: Mapping[str, str]) -> Headers:
    return tuple((name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items())


_ERRORS = (400, 401, 403, 404, 429, 500, 503)
_TARGET_OF = {"open": "hooks", "pulling": "pulling", "signed": "signed"}
_ABSENT = object()
_NO_DATA: tuple[Callable[[Any], Any], ...] = (
    lambda _: None,
    lambda _: _ABSENT,
    lambda _: {"resourceType": "Bundle", "type": "searchset", "total": 0},
    lambda _: {"resourceType": "Bundle", "entry": []},
    lambda _: {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
    lambda _: {"resourceType": "OperationOutcome"},
    lambda value: (
        {**value, "link": [{"relation": "next", "url": "https://evil.example/x"}]} if isinstance(value, dict) else []
    ),
    lambda value: {**value, "total": 10**9} if isinstance(value, dict) else {},
    lambda value: {"response": {"status": "200"}, "resource": value},
    lambda value: [value, value],
    lambda _: "Patient/{{context.patientId}}",
    lambda _: {},
)
_FOREIGN = (
    "comprimé", "comprimés", "gélule", "par jour", "le matin", "Tablette", "Tabl.", "Kapsel", "1-0-1", "täglich",
    "morgens", "Stk", "comprimido", "cápsula", "al día", "cada 8 horas", "pastilla", "compressa", "al giorno",
    "таблетка", "капсула", "в день", "錠", "カプセル", "1日1回", "片", "每日", "قرص", "يوميا", "δισκίο", "tablett",
    "½", "¼", "1½", "٢", "２", "Ⅷ", "⅓", "µg", "μg", "mg", "MG", "mg.", "mL", "{tbl}", "{pill}", "0", "00", "-1",
    "1e9", "1,5", "1.000", "1/0", "1/2", "0/2", "9999", "10-", "--", "to", "or", "1..2", "NaN", "inf", "q0h", "q25h",
    "x", "×", "#30", "refills:3", "PRN", "prn", "then", "until", "for 0 days", "for -7 days", "every 0 hours",
    *(text for text in TEXTS if text.isprintable() and len(text) < 30),
)  # fmt: skip


def targets(fuzzed: Fuzzed) -> tuple[Target, ...]:
    """All targets that chance alone feeds; those of Hypothesis, atheris and schemathesis stand beside."""
    return (
        Target("directions", 417, fuzzed.make_sig, fuzzed.judge_sig, "reader of directions in words"),
        Target("bodies", 257, fuzzed.make_body, fuzzed.judge_body, "decoder and readers of request bodies"),
        Target("records", 200, fuzzed.make_record, fuzzed.judge_record, "ingest of records"),
        Target("files", 30, fuzzed.make_file, fuzzed.judge_file, "files of resources taken apart"),
        Target("charts", 1, fuzzed.make_chart, fuzzed.judge_whole, "charts read, judged, advised on, written out"),
        Target("hooks", 41, fuzzed.make_hook, fuzzed.judge_hook, "whole calls over ASGI, prefetch only"),
        Target(
            "pulling", 3, fuzzed.make_pull, fuzzed.judge_pull, "whole calls, with a FHIR server that answers anything"
        ),
        Target("signed", 3, fuzzed.make_signed, fuzzed.judge_signed, "whole calls with tokens, records and feedback"),
    )
