"""No withheld count can be worked out from what is shown: by adding and subtracting, or by trying all tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.governance.counting import ANSWERS, REASONS
from cds_hooks.governance.derivation import Derivation
from cds_hooks.governance.disclosure import Counted, RawRow, RawTable, disclose, marks_of
from cds_hooks.governance.facts import CardFact
from tests.governance.facts import card, report

CLIENTS, HOOKS, KINDS, RULES = ("a", "b", "c"), ("order-sign", "patient-view"), ("k1", "k2"), ("R1", "R2", "R3")
STATES = ("accepted", "overridden", "unanswered")


@st.composite
def cards(draw: st.DrawFn) -> list[CardFact]:
    groups = draw(
        st.lists(
            st.tuples(
                st.sampled_from(CLIENTS),
                st.sampled_from(HOOKS),
                st.sampled_from(KINDS),
                st.lists(st.sampled_from(RULES), max_size=2, unique=True),
                st.sampled_from(("2026-W01", "2026-W02", "2026-W03")),
                st.sampled_from(STATES),
                st.sampled_from(((), ("x",), ("y",))),
                st.booleans(),
                st.integers(1, 12),
            ),
            max_size=14,
        )
    )
    return [
        one
        for client, hook, kind, rules, week, state, reasons, shown, count in groups
        for one in [
            card(
                client=client, hook=hook, kind=kind, rules=tuple(rules), week=week, state=state, shown=shown,
                reasons=reasons if state == "overridden" else (),
            )
        ] * count
    ]  # fmt: skip


def in_span(vectors: Sequence[Sequence[int]], wanted: Sequence[int]) -> bool:
    """Whether `wanted` is a rational combination of `vectors`: the definition, by plain elimination."""
    basis: list[tuple[int, list[Fraction]]] = []

    def reduced(vector: Sequence[int | Fraction]) -> list[Fraction]:
        left = [Fraction(value) for value in vector]
        for pivot, known in basis:
            if left[pivot]:
                factor = left[pivot] / known[pivot]
                left = [one - factor * two for one, two in zip(left, known, strict=True)]
        return left

    for vector in vectors:
        left = reduced(vector)
        pivot = next((place for place, value in enumerate(left) if value), None)
        if pivot is not None:
            basis.append((pivot, left))
    return not any(reduced(wanted))


@settings(deadline=None, max_examples=150)
@given(cards())
def test_no_withheld_count_follows_from_the_published_report(found: list[CardFact]) -> None:
    threshold = 5
    made = report(found)
    for side, columns in ((True, ("shown", "answered", "not answered", "accepted", "overridden")), (False, ())):
        cards_of = [one for one in found if one.shown is side]
        groups = list(dict.fromkeys(cards_of))
        published, small = [], []
        for table, key, name, cell in published_cells(made):
            if (name == "in shadow") is side:
                continue
            assert side is False or name in columns
            vector = [int(belongs(one, table, key, name)) for one in groups]
            count = sum(belongs(one, table, key, name) for one in cards_of)
            if cell.count is None:
                assert cell.mark == "withheld" or 0 < count < threshold
            else:
                assert cell.count == count, (table, key, name)
                assert count == 0 or count >= threshold
                published.append(vector)
            if 0 < count < threshold:
                small.append(vector)
        for vector in small:
            assert not in_span(published, vector)


def published_cells(made: object) -> Iterator[tuple[str, str, str, object]]:
    for name, cell in made.total.cells.items():
        yield "total", "", name, cell
    for table in made.tables:
        for row in table.rows:
            for name, cell in row.cells.items():
                yield table.id, row.key, name, cell


def belongs(one: CardFact, table: str, key: str, name: str) -> bool:
    answered = one.state != "unanswered"
    column = {
        "shown": True, "in shadow": True, "answered": answered, "not answered": not answered,
        "accepted": one.state == "accepted", "overridden": one.state == "overridden",
    }[name]  # fmt: skip
    if table == "reason":
        return column and one.reason == key
    if table == "rule":
        return column and key in one.rules
    return column and (table == "total" or getattr(one, table) == key)


NAMES = [name for step in ANSWERS for name in step]
Triple = tuple[int, int, int]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=3))
def test_every_small_count_of_a_table_could_be_another(counts: list[Triple]) -> None:
    """By trying all tables of small numbers: what fits the published one, marks included, leaves each count open."""
    threshold = 3
    total, table = laid_out(counts)
    disclose(total, [table], ANSWERS, threshold, 9)
    whole = RawTable(ANSWERS, {"": total}, adds_up=False, marked={1, 2, 3})
    shown = [view(row, table, threshold) for row in table.rows.values()]
    sum_shown = view(total, whole, threshold)
    fitting: list[tuple[Triple, ...]] = []
    options = [[one for one in product(range(14), repeat=3) if fits(one, seen, threshold)] for seen in shown]
    if any(len(option) > 400 for option in options):
        return  # a row of which nothing is known leaves everything open, and too much to try
    for guess in product(*options):
        if fits(tuple(map(sum, zip(*guess, strict=True))), sum_shown, threshold):
            fitting.append(guess)
    assert tuple(counts) in fitting
    for place, true in enumerate(counts):
        for name in NAMES:
            if 0 < value(true, name) < threshold:
                assert len({value(guess[place], name) for guess in fitting}) > 1, (place, name)
    for name in NAMES:
        true_sum = value(tuple(map(sum, zip(*counts, strict=True))), name)
        if 0 < true_sum < threshold:
            assert len({sum(value(one, name) for one in guess) for guess in fitting}) > 1, name


def wide(mask: int) -> int:
    """The vector with a 1 in each place whose bit is set."""
    return sum(1 << (64 * place) for place in range(mask.bit_length()) if mask >> place & 1)


def value(triple: Sequence[int], name: str) -> int:
    accepted, overridden, unanswered = triple
    return {
        "accepted": accepted, "overridden": overridden, "not answered": unanswered,
        "answered": accepted + overridden, "shown": accepted + overridden + unanswered,
    }[name]  # fmt: skip


def laid_out(counts: Sequence[Triple]) -> tuple[RawRow, RawTable]:
    def row(places: Sequence[int]) -> RawRow:
        cells = {}
        for name in NAMES:
            one = Counted()
            for place in places:
                for column in range(len(STATES)):
                    single = [0, 0, 0]
                    single[column] = 1
                    if value(single, name) and counts[place][column]:
                        one.count += counts[place][column]
                        one.vector += wide(1 << (3 * place + column))
            cells[name] = one
        return RawRow(cells)

    rows = {str(place): row([place]) for place in range(len(counts))}
    return row(range(len(counts))), RawTable(ANSWERS, rows, adds_up=True)


def view(row: RawRow, table: RawTable, threshold: int) -> dict[str, int | str]:
    shown = [name for step in ANSWERS[: row.level] for name in step]
    marks = marks_of(row, table, threshold)
    return {name: row.cells[name].count if name in shown else "<" if name in marks else "" for name in NAMES}


def fits(guess: Sequence[int], seen: dict[str, int | str], threshold: int) -> bool:
    for name, told in seen.items():
        have = value(guess, name)
        if (isinstance(told, int) and have != told) or (told == "<" and not 0 < have < threshold):
            return False
    return True


@given(st.lists(st.integers(0, 31), max_size=6), st.integers(1, 31))
def test_what_the_watch_lets_pass_gives_nothing_away(shown: list[int], secret: int) -> None:
    watch = Derivation([wide(secret)], 5)
    passed = [mask for mask in shown if watch.allows([wide(mask)])]

    def bits(mask: int) -> list[int]:
        return [mask >> place & 1 for place in range(5)]

    assert not in_span([bits(mask) for mask in passed], bits(secret))


def test_a_difference_and_a_triangle_are_seen() -> None:
    assert not Derivation([wide(0b001)], 3).allows(map(wide, [0b011, 0b010]))
    assert not Derivation([wide(0b001)], 3).allows(
        map(wide, [0b011, 0b110, 0b101])
    )  # half of the sum of two less the third
    four = [0b0111, 0b1011, 0b1101, 0b1110]
    assert not Derivation([wide(0b0001)], 4).allows(map(wide, four))  # a third of the sum, less the one without it
    assert Derivation([wide(0b001)], 3).allows(map(wide, [0b011, 0b110]))


def test_reasons_are_shown_only_with_the_number_they_add_up_to() -> None:
    assert REASONS[0] == ("overridden",)
    made = report([card(state="accepted")] * 20 + [card(state="overridden", reasons=("x",))] * 4)
    reasons = next(table for table in made.tables if table.id == "reason")
    assert not reasons.rows and "withheld" in reasons.note


def test_a_total_is_withheld_that_would_show_two_rows_to_be_small() -> None:
    """Five cards in two weeks: whoever sees the five knows that neither week reaches the threshold."""
    made = report([card(week="2026-W01", shown=False)] * 4 + [card(week="2026-W02", shown=False)])
    assert made.total.cells["in shadow"].count is None
    plenty = report([card(week="2026-W01", shown=False)] * 4 + [card(week="2026-W02", shown=False)] * 9)
    assert plenty.total.cells["in shadow"].count == 13
