"""Which stage of a request a piece of code belongs to, by the file that it is in.

What several stages use (facts, amounts, days, knowledge) has no stage of its own: its work is that of whoever calls it.
The first match counts, so a file stands before the folder that it is in.
"""

from __future__ import annotations

from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).parents[1]
SERVER = "server"
STAGES = ("decode", "gather", "read", "history", "rulings", "next step", "cards", "serialise", SERVER)
_FILES: tuple[tuple[str, str], ...] = (
    ("cds_hooks/bodies.py", "decode"),
    ("cds_hooks/envelope.py", "decode"),
    ("cds_hooks/wire.py", "serialise"),
    *((f"cds_hooks/{name}.py", "gather") for name in ("gather", "prefetch", "reading", "references", "medications")),
    *((f"cds_hooks/{name}.py", "gather") for name in ("patient_guard", "pulling", "on_need")),
    *((f"cds_hooks/{name}.py", "cards") for name in ("render", "suggesting", "card_text", "card_form")),
    ("cds_hooks/proposals/", "cards"),
    ("cds_hooks/draft_changes.py", "cards"),
    ("cds_hooks/already_drafted.py", "cards"),
    ("plugin/ingest/", "read"),
    ("plugin/exposure/", "history"),
    ("plugin/trial/", "history"),
    ("plugin/resistance/", "rulings"),
    ("plugin/domains/", "next step"),
    ("plugin/safety/", "next step"),
    ("plugin/options/", "next step"),
    ("plugin/document/", "rulings"),
    ("plugin/pipeline.py", "rulings"),
    ("plugin/advice/", "cards"),
    ("cds_hooks/", SERVER),
)
MEANING = {
    "decode": "taking the body in, JSON, the envelope of the call",
    "gather": "what was sent by key, whose data it is, how completely it was read",
    "read": "FHIR to facts: drugs, doses, scores, diagnoses; the drafted orders",
    "history": "exposures, trials, augmentation, episodes, eligibility",
    "rulings": "the verdict by each definition, what would change it, staging, severity, what of the record was used",
    "next step": "symptom domains, safety, options",
    "cards": "what to say, its words, suggestions and orders",
    "serialise": "the answer on the wire",
    SERVER: "framework, middleware, admission, log, metrics",
}


class StageOf:
    """The stage of a frame: that of its own code, else that of its caller."""

    def __init__(self) -> None:
        self._known: dict[CodeType, str | None] = {}

    def code(self, code: CodeType) -> str | None:
        """The stage of a piece of code by itself; None where that is its caller's."""
        if code not in self._known:
            self._known[code] = _by_file(code.co_filename)
        return self._known[code]

    def frame(self, frame: FrameType | None) -> str:
        """The stage in which `frame` works."""
        while frame is not None:
            found = self.code(frame.f_code)
            if found is not None:
                return found
            frame = frame.f_back
        return SERVER


def _by_file(name: str) -> str | None:
    try:
        path = Path(name).relative_to(ROOT).as_posix()
    except ValueError:
        return None
    return next((stage for beginning, stage in _FILES if path.startswith(beginning)), None)
