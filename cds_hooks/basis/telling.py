"""Words for the page: sentences of the knowledge as safe HTML, texts of the reasoning with their dates as readers write
them, labels for the values of the contract.

The Markdown that cards carry is rendered by `cds_hooks.web.markdown`; all other text the templates escape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from markupsafe import Markup

from cds_hooks.web.markdown import to_html
from plugin.advice.wording import Wording

# Beside what a clinician entered on the page, whether it has been saved since or not.
CLINICIAN_REPORTED = "clinician-reported"
_ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_PARAGRAPH = re.compile(r"^<p>(.*)</p>\s*$", re.DOTALL)

ADEQUACY: Mapping[str, str] = {
    "ADEQUATE": "adequate",
    "BORDERLINE": "borderline",
    "INADEQUATE": "not adequate",
    "IN_PROGRESS": "in progress",
    "EXCLUDED": "not counted",
}
# A sign beside the word, so that no reader depends on colour.
ADEQUACY_SIGN: Mapping[str, str] = {
    "ADEQUATE": "●",
    "BORDERLINE": "◐",
    "INADEQUATE": "○",
    "IN_PROGRESS": "▷",
    "EXCLUDED": "–",
}
STATUS: Mapping[str, str] = {
    "FAILED_MEASURED": "failed, measured",
    "FAILED_PROXY": "probably failed",
    "NOT_FAILED": "did not fail",
    "UNKNOWN": "unknown",
}
VERDICT_HEAD: Mapping[str, str] = {
    "MET": "Criteria met",
    "PROBABLE": "Probably met",
    "INDETERMINATE": "Cannot tell",
    "NOT_MET": "Criteria not met",
    "EXCLUDED": "Excluded",
    "OUT_OF_SCOPE": "Out of scope",
}
MODIFIER: Mapping[str, str] = {
    "SUI": "Suicidality as recorded",
    "PSY": "Psychosis",
    "CAT": "Catatonia",
    "MEL": "Melancholic features",
    "MIX": "Bipolar or mixed features",
    "PAI": "Pain",
    "NCD": "Cognitive disorder",
}
GATE: Mapping[str, str] = {
    "ACUTE_SAFETY": "acute safety",
    "BIPOLAR": "bipolar disorder",
    "PSYCHOSIS_CATATONIA": "psychosis or catatonia",
    "NEUROCOGNITIVE": "cognitive disorder",
}


def line(markdown: str) -> Markup:
    """One line of a card as safe HTML, without the paragraph around it."""
    html = to_html(markdown)
    alone = _PARAGRAPH.match(html)
    return Markup(alone[1] if alone is not None and "<p>" not in alone[1] else html)  # noqa: S704 - made safe there


def plain(text: str, words: Wording) -> str:
    """A text of the reasoning with its dates in the reader's form; what is no date stays as it is."""

    def written(found: re.Match[str]) -> str:
        try:
            return words.day(date(int(found[1]), int(found[2]), int(found[3])))
        except ValueError:
            return found[0]

    return _ISO_DAY.sub(written, text)


def number(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.4g}"


def share(value: float) -> str:
    """A share from 0 to 1 with two digits."""
    return f"{value:.2f}"


def interval(low: float, high: float) -> str:
    """``2`` or ``2 to 3``."""
    return number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}"


def spoken(code: str) -> str:
    """A value of the contract such as ``first-evidence`` as words."""
    return code.replace("_", " ").replace("-", " ").lower()
