"""From facts to the report: counting, disclosure control, and the flags.

What a card's feedback does not say is not guessed: a card without feedback is "not answered", neither accepted nor
rejected; many clients report nothing, or only what was accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cds_hooks.disclosure.following import is_small
from cds_hooks.governance.derivation import vector_of
from cds_hooks.governance.disclosure import Counted, Ladder, RawRow, RawTable, disclose, marks_of
from cds_hooks.governance.facts import ANOTHER, NO_REASON, SEVERAL, CardFact, Facts, Selection
from cds_hooks.governance.report import REVIEW_FROM, SMALLEST_CELL, WITHHELD, Cell, Report, ReportRow, ReportTable

ANSWERS: Ladder = (("shown",), ("answered", "not answered"), ("accepted", "overridden"))
SHADOW: Ladder = (("in shadow",),)
REASONS: Ladder = (("overridden",),)
_KEYS: Mapping[str, Callable[[CardFact], tuple[str, ...]]] = {
    "kind": lambda card: (card.kind,),
    "client": lambda card: (card.client,),
    "hook": lambda card: (card.hook,),
    "knowledge": lambda card: (card.knowledge,),
    "week": lambda card: (card.week,),
    "rule": lambda card: card.rules,
}
_CAPTIONS = {
    "kind": ("Cards by kind", "Kind of card"),
    "rule": ("Cards by rule", "Rule"),
    "client": ("Cards by client", "Client"),
    "hook": ("Cards by hook", "Hook"),
    "week": ("Cards by week", "ISO week, UTC"),
    "knowledge": ("Cards by version of the knowledge", "Version"),
}
_SPARE = 8  # places of a vector beyond the number of independent counts
_NOTES = {"rule": "A card that several rules stand behind is counted with each of them."}


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids stand for; `missed` are the rules that are listed when they made no card."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    missed: Sequence[str] = ()

    def of(self, table: str, key: str) -> str:
        """The title of `key`, empty where it says all itself."""
        return {"kind": self.kinds, "rule": self.rules}.get(table, {}).get(key, "")


def make_report(
    facts: Facts,
    chosen: Selection,
    *,
    names: Names,
    made_at: datetime,
    smallest_cell: int = SMALLEST_CELL,
    review_from: int = REVIEW_FROM,
) -> Report:
    """The report on `facts`. Counts above zero and below `smallest_cell` (at least 3) are withheld.

    A rule or kind is flagged when at least `review_from` of its cards were answered and none was accepted. ValueError
    for a `smallest_cell` below 3: with 2 a mark would itself be the count, with 1 nothing would be withheld.
    """
    if smallest_cell < 3 or review_from < smallest_cell:
        raise ValueError("smallest_cell is at least 3, and review_from no less")
    shown = _count(facts.cards, smallest_cell, shown=True)
    shadowed = _count(facts.cards, smallest_cell, shown=False)
    # What comes first is withheld least: of the rules, those in question; and no flag is lost while others will do.
    answers, reasons = shown.tables, shown.reasons
    for name in ("kind", "rule"):
        rows = answers[name].rows
        answers[name].spare = frozenset(key for key, row in rows.items() if _never_accepted(row, review_from))
        answers[name].rows = {key: rows[key] for key in sorted(rows, key=lambda key: key not in answers[name].spare)}
    order = [answers[name] for name in ("kind", "client", "hook", "knowledge", "week")]
    disclose(shown.total, [*order, reasons, answers["rule"]], ANSWERS, smallest_cell, shown.places)
    disclose(shadowed.total, list(shadowed.tables.values()), SHADOW, smallest_cell, shadowed.places)
    tables = [
        _table(name, answers[name], shadowed.tables[name], names, smallest_cell, review_from) for name in _CAPTIONS
    ]
    tables.insert(2, _reasons(reasons, names, smallest_cell, withheld=shown.total.level < len(ANSWERS)))
    seen_kinds, seen_rules = ({key for card in facts.cards for key in _KEYS[name](card)} for name in ("kind", "rule"))
    return Report(
        chosen=chosen,
        made_at=made_at,
        smallest_cell=smallest_cell,
        review_from=review_from,
        total=_total(shown.total, shadowed.total, smallest_cell),
        calls=_calls(facts, smallest_cell),
        cards_per_100=_burden(facts, smallest_cell),
        feedback={
            name: _alone(count, smallest_cell)
            for name, count in (("unmatched", facts.feedback.unmatched), ("irregular", facts.feedback.irregular))
        },
        tables=tables,
        silent=[
            *((kind, title) for kind, title in names.kinds.items() if kind not in seen_kinds),
            *((rule, names.rules.get(rule, "")) for rule in names.missed if rule not in seen_rules),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Raw:
    total: RawRow
    tables: dict[str, RawTable]
    reasons: RawTable
    places: int


def _count(cards: Iterable[CardFact], threshold: int, *, shown: bool) -> _Raw:
    """Count the cards shown, or those in shadow, in groups that no table can tell apart."""
    groups: Counter[CardFact] = Counter()
    for card, alike in Counter(card for card in cards if card.shown is shown).items():
        groups[_group(card)] += alike
    ladder = ANSWERS if shown else SHADOW
    tables = {name: RawTable(ladder, {}, adds_up=name != "rule") for name in _KEYS}
    reasons, total = RawTable(REASONS, {}, adds_up=True), _row(ladder)
    for card in groups:
        for name, keys in _KEYS.items():
            tables[name].rows.update((key, _row(ladder)) for key in keys(card))
        if shown and card.state == "overridden":
            reasons.rows[card.reason] = _row(REASONS)
    counts = len(ladder) * (1 + sum(len(table.rows) for table in tables.values())) + len(reasons.rows)
    raw = _Raw(total, tables, reasons, counts + _SPARE)

    def tally(card: CardFact, count: int, vector: int) -> None:
        columns = _columns(card) if shown else ("in shadow",)
        for row in (total, *(tables[name].rows[key] for name, keys in _KEYS.items() for key in keys(card))):
            _tally(row, columns, count, vector)
        if shown and card.state == "overridden":
            _tally(reasons.rows[card.reason], ("overridden",), count, vector)

    for card, count in groups.items():
        tally(card, count, 0)
    # Where no count is small, nothing is withheld, and nothing need be held against anything.
    if any(table.has_small(threshold) for table in (*tables.values(), reasons, RawTable(ladder, {"": total}, False))):
        for number, card in enumerate(groups):
            tally(card, 0, vector_of(number, raw.places))
    for table in (*raw.tables.values(), raw.reasons):
        table.rows = dict(sorted(table.rows.items()))
    return raw


def _group(card: CardFact) -> CardFact:
    return replace(card, rules=tuple(sorted(card.rules)), reasons=(card.reason,) if card.state == "overridden" else ())


def _columns(card: CardFact) -> tuple[str, ...]:
    if card.state == "unanswered":
        return ("shown", "not answered")
    return ("shown", "answered", card.state)


def _row(ladder: Ladder) -> RawRow:
    return RawRow({name: Counted() for step in ladder for name in step})


def _tally(row: RawRow, columns: Iterable[str], count: int, vector: int) -> None:
    for name in columns:
        row.cells[name].count += count
        row.cells[name].vector += vector


def _never_accepted(row: RawRow, review_from: int) -> bool:
    return row.cells["answered"].count >= review_from and not row.cells["accepted"].count


def _published(row: RawRow, table: RawTable, threshold: int) -> dict[str, Cell]:
    marked = marks_of(row, table, threshold)
    shown = {name for step in table.ladder[: row.level] for name in step}
    return {
        name: Cell(cell.count) if name in shown else Cell(None, f"<{threshold}" if name in marked else WITHHELD)
        for name, cell in row.cells.items()
    }


def _table(name: str, raw: RawTable, shadow: RawTable, names: Names, threshold: int, review_from: int) -> ReportTable:
    rows = []
    for key in sorted({*raw.rows, *shadow.rows}):
        answered = raw.rows.get(key)
        cells = _published(answered, raw, threshold) if answered else {one: Cell(0) for one in _row(ANSWERS).cells}
        silent = shadow.rows.get(key)
        cells |= _published(silent, shadow, threshold) if silent else {"in shadow": Cell(0)}
        known = cells["answered"].count, cells["accepted"].count
        flag = name in ("kind", "rule") and (known[0] or 0) >= review_from and known[1] == 0
        rows.append(ReportRow(key, names.of(name, key), cells, flag))
    caption, about = _CAPTIONS[name]
    return ReportTable(name, caption, about, (*_row(ANSWERS).cells, "in shadow"), rows, _NOTES.get(name, ""))


def _reasons(raw: RawTable, names: Names, threshold: int, *, withheld: bool) -> ReportTable:
    order = [*names.reasons, ANOTHER, SEVERAL, NO_REASON]
    keys = [*order, *(key for key in raw.rows if key not in order)]
    rows = []
    for key in keys:
        row = raw.rows.get(key)
        cell = Cell(0) if row is None else _published(row, raw, threshold)["overridden"]
        rows.append(ReportRow(key, names.reasons.get(key, ""), {"overridden": cell}))
    note = "Each overridden card is counted once. " + (
        "The number of overridden cards is withheld, and with it their reasons." if withheld else ""
    )
    return ReportTable(
        "reason", "Overridden cards by reason", "Reason", ("overridden",), [] if withheld else rows, note.strip()
    )


def _total(shown: RawRow, shadowed: RawRow, threshold: int) -> ReportRow:
    cells: dict[str, Cell] = {}
    for row, ladder in ((shown, ANSWERS), (shadowed, SHADOW)):
        alone = RawTable(ladder, {"": row}, adds_up=False, marked=set(range(1, len(ladder) + 1)))
        cells |= _published(row, alone, threshold)
    return ReportRow("", "All cards", cells)


def _alone(count: int, threshold: int) -> Cell:
    return Cell(None, f"<{threshold}") if is_small(count, threshold) else Cell(count)


def _part(count: int, whole: int, threshold: int) -> Cell:
    """A count whose rest follows from the whole: both must be large, or nothing."""
    if is_small(whole - count, threshold):
        return Cell(None, WITHHELD)
    return _alone(count, threshold)


def _calls(facts: Facts, threshold: int) -> dict[str, Cell]:
    told = facts.calls
    whole = _alone(told.calls, threshold)
    parts = {"with a card shown": told.with_cards, "with an order of concern": told.of_concern}
    if whole.count is None:
        return {"calls": whole, **dict.fromkeys(parts, Cell(None, WITHHELD))}
    return {"calls": whole, **{name: _part(count, told.calls, threshold) for name, count in parts.items()}}


def _burden(facts: Facts, threshold: int) -> float | None:
    """Cards shown per 100 calls with an order of concern."""
    told = facts.calls
    shown, calls = told.cards_of_concern, told.of_concern
    total = sum(card.shown for card in facts.cards)
    if not calls or any(is_small(count, threshold) for count in (shown, calls, told.calls - calls, total - shown)):
        return None
    return 100 * shown / calls
