"""A site overlay whose files are replaced: a process reads it once, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings import overlay
from mappings.load import Knowledge, KnowledgeError
from mappings.overlay import lay_over

SITE = "{id: s, name: S, accepted_by: Dr A, accepted_on: 2026-11-02}"
RULES = "- {rule: tried-too-low-or-short, who: Board, when: 2026-11-01, why: shown elsewhere}\n"
VALUE = "- {path: definitions/TRD-6W-50/min_days_at_dose, value: 49, unit: d, who: B, when: 2026-11-01, why: our way}\n"


@pytest.mark.parametrize("file", ["rules.yaml", "overrides.yaml"])
def test_an_overlay_replaced_while_it_is_read_is_not_taken_in_part(
    knowledge: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Some files would be of before and some of after, and no hash would name what is served."""
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "overrides.yaml").write_text(VALUE, encoding="utf-8")
    read = overlay.read_model

    def read_and_replace(path: Path, *more: object) -> object:
        done = read(path, *more)  # type: ignore[arg-type, type-var]
        if path.name == "rules.yaml":
            (tmp_path / file).write_text("[]", encoding="utf-8")
        return done

    with monkeypatch.context() as patched:
        patched.setattr(overlay, "read_model", read_and_replace)
        with pytest.raises(KnowledgeError, match="changed while they were read"):
            lay_over(knowledge, tmp_path)
    assert lay_over(knowledge, tmp_path).content_hash != knowledge.content_hash


def test_what_is_served_does_not_change_with_the_files(knowledge: Knowledge, tmp_path: Path) -> None:
    """A process keeps what it has read; a worker started later reads what is there then, and its hash says so."""
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    first = lay_over(knowledge, tmp_path)
    assert first.is_on("tried-too-low-or-short")
    named = first.content_hash
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    assert (first.content_hash, first.is_on("tried-too-low-or-short")) == (named, True)
    later = lay_over(knowledge, tmp_path)
    assert later.content_hash != named and not later.is_on("tried-too-low-or-short")
