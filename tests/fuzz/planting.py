"""What is planted in fuzzed input, to be looked for in everything that the service says of a call.

`SECRET` stands in names, record numbers, notes and texts: a card may quote a text of the record, but no log line, no
error and no metric may. `TOKEN` stands in tokens and may stand nowhere at all. Both stand for themselves in the corpus;
each run puts its own random words in their place, so that nothing can know them beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

SECRET = "zqsecretzq"
TOKEN = "zqtokenzq"


@dataclass(frozen=True, slots=True)
class Planted:
    """The words of one run."""

    secret: str
    token: str

    @classmethod
    def of(cls, seed: int) -> Planted:
        chance = Random(f"planted {seed}")
        return cls(f"zs{chance.getrandbits(48):012x}", f"zt{chance.getrandbits(48):012x}")

    def into(self, body: bytes) -> bytes:
        """The body with this run's words; they have the length of the words they stand for only by chance."""
        return body.replace(SECRET.encode(), self.secret.encode()).replace(TOKEN.encode(), self.token.encode())

    def into_text(self, text: str) -> str:
        return text.replace(SECRET, self.secret).replace(TOKEN, self.token)

    def into_value(self, value: Any) -> Any:
        """A decoded document with this run's words."""
        if isinstance(value, str):
            return self.into_text(value) if "zq" in value else value
        if isinstance(value, list):
            return [self.into_value(item) for item in value]
        if isinstance(value, dict):
            return {name: self.into_value(item) for name, item in value.items()}
        return value


def planted(resource: Any) -> Any:
    """A FHIR resource with the secret where people are named and where people write."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return resource
    made = {**resource, "text": {"status": "generated", "div": f"<div>{SECRET}</div>"}}
    if resource["resourceType"] == "Patient":
        return {
            **made,
            "name": [{"family": SECRET, "given": [SECRET]}],
            "identifier": [{"system": "https://ehr.example/mrn", "value": SECRET}],
            "telecom": [{"system": "phone", "value": SECRET}],
        }
    subject = made.get("subject")
    if isinstance(subject, dict):
        made["subject"] = {**subject, "display": SECRET}
    if "note" not in made and resource["resourceType"] != "QuestionnaireResponse":
        made["note"] = [{"text": f"{SECRET} told me"}]
    return made
