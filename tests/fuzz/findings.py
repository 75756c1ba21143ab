"""What was found: counted by kind, the first few of each kept as files from which they can be replayed."""

from __future__ import annotations

import json
import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.planting import SECRET, TOKEN, Planted
from tests.fuzz.targets import Target

_KEPT_OF_A_KIND = 5


def place_of(error: BaseException) -> str:
    """What was raised and where; never its message, which may quote the input."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f"{Path(one.filename).name}:{one.name}" for one in frames][-1:] or ["?"]
    return f"{type(error).__name__} at {inner[0]}"


@dataclass
class Findings:
    """The finds of one run. Files go to `folder`, which is made for the first."""

    folder: Path
    seed: int
    planted: Planted
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)

    def note(self, target: str, number: int, what: str, value: Any) -> None:
        """One find: the input is written with the words of the corpus in place of this run's secrets."""
        self.counted[target, what] += 1
        if self.counted[target, what] > _KEPT_OF_A_KIND:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", f"{target} {what}".lower())[:70].strip("-")
        file = self.folder / f"{name}-{self.seed}-{number}.json"
        told = {"target": target, "seed": self.seed, "number": number, "what": what, "input": value}
        try:
            text = Target.written(told)
        except RecursionError:  # nested too deep to be written: made again from its seed and number
            text = Target.written({**told, "input": None})
        text = text.replace(self.planted.secret, SECRET).replace(self.planted.token, TOKEN)
        file.write_text(text + "\n", encoding="utf-8")
        self.files.append(file.name)

    def told(self) -> list[dict[str, Any]]:
        """For the results: how often what was found where."""
        return [{"target": target, "what": what, "times": n} for (target, what), n in sorted(self.counted.items())]


def read_finding(file: Path) -> dict[str, Any]:
    """A finding as it was written."""
    found: dict[str, Any] = Target.read(file.read_text(encoding="utf-8"))
    return found


def write_json(path: Path, document: Any) -> None:
    """Indented JSON with a line end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
