"""The probe's document as text for a terminal. Everything in it comes from `Report`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.probing.document import Concluded, Report, Said, SearchLine, Server

_HEADINGS = ("search", "asked by", "", "answer", "ms", "pages", "entries", "")
_RIGHT = frozenset({4, 5, 6})  # columns of numbers
_SHOWN_FAULTS = 40


def printed(report: Report) -> str:
    """The whole report in sections."""
    sections = [
        ("", [report.content, f"trd-cds {report.engine}, knowledge {report.knowledge}, as of {report.as_of}"]),
        ("The server", _server(report.server)),
        ("Searches (* = what the service would use)", _searches(report.searches)),
        ("Strict FHIR R4", _strict(report)),
        ("Repairs made while reading", _repairs(report)),
        ("What the service would conclude", _conclusion(report.conclusion)),
        ("What it could not see or settle", _open(report.conclusion)),
        ("Paste into the prefetch form (key, tab, query)", _sheet(report)),
        ("What to ask the vendor for", _listed([one.text for one in report.ask_vendor])),
        ("What to set in this service", _listed([one.text for one in report.set_here])),
    ]
    blocks = []
    for title, lines in sections:
        head = [title, "-" * len(title)] if title else []
        blocks.append("\n".join([*head, *lines]))
    return "\n\n".join(blocks) + "\n"


def _server(server: Server) -> Iterator[str]:
    yield f"Base: {server.base}"
    told = {"read": "read without login", "with-login": "read, but only with login", "none": f"none: {server.why}"}
    yield f"CapabilityStatement: {told[server.statement]}"
    yield f"FHIR: {server.fhir_version}{' (R4 is assumed)' if server.fhir_version == 'unknown' else ''}"
    names = {"bare": "patient=ID", "typed": "patient=Patient/ID"}
    yield f"Patients are named in searches as {names[server.patient_form]}"
    yield f"_include offered: {', '.join(server.includes) or 'none of those the service would use'}"
    for one in server.types:
        unlisted = f"; not listed: {', '.join(one.unlisted)}" if one.unlisted else ""
        yield f"  {one.resource_type}: {', '.join(one.listed) or 'nothing listed'}{unlisted}"


def _searches(lines: Sequence[SearchLine]) -> Iterator[str]:
    rows = [_HEADINGS, *map(_cells, lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS) - 1)]
    for row in rows:
        cells = [
            cell.rjust(width) if place in _RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _cells(line: SearchLine) -> tuple[str, ...]:
    asked = line.variant
    if line.form == "typed":
        asked += ", Patient/ID"
    if line.purpose in ("strict", "include"):
        asked += f", {line.purpose}"
    answer = "200" if line.outcome == "ok" else str(line.status or line.outcome)
    entries = f"{line.entries}" if line.total is None or line.total == line.entries else f"{line.entries}/{line.total}"
    notes = [line.why]
    if line.others:
        notes.append(f"{line.others} about other patients")
    if line.listed is False:
        notes.append("not in the statement")
    said = "; ".join(note for note in notes if note)
    mark = "*" if line.used else ""
    return (line.search, asked, mark, f"{line.method} {answer}", str(line.milliseconds), str(line.pages), entries, said)


def _strict(report: Report) -> Iterator[str]:
    checked = ", ".join(f"{one.resource_type} {one.faulty} of {one.checked}" for one in report.strict)
    yield f"Resources with a fault: {checked or 'nothing was received'}"
    for one in report.strict_faults[:_SHOWN_FAULTS]:
        yield f"  {one.count} x {one.resource_type}{'.' if one.element else ''}{one.element}: {one.fault}"
    if left := report.strict_faults[_SHOWN_FAULTS:]:
        yield f"  and {len(left)} kinds more; --format json has them all"


def _repairs(report: Report) -> Iterator[str]:
    if not report.repairs:
        yield "None was needed."
    for one in report.repairs:
        yield f"  {one.count} x {one.repair}: {one.what}{' (R4 allows it)' if one.allowed else ''}"


def _conclusion(said: Concluded) -> Iterator[str]:
    if said.refused:
        yield f"Nothing: a hook would end with 412, because {said.refused}."
        return
    yield f"Verdict under {said.definition}: {said.verdict}"
    yield (
        f"Failed adequate trials: at least {said.failed_at_least}, with proxies {said.failed_with_proxies}, at most "
        f"{said.failed_at_most}"
    )
    for trial in said.trials:
        when = f"{trial.start} to {trial.end}" if trial.start else "undated"
        yield f"  {trial.drug}, {when}: {trial.adequacy}, {trial.outcome}"
    yield f"Trials of earlier episodes: {said.earlier_trials}"
    aside = sum(one.count for one in said.set_aside)
    yield f"Resources received {said.received}: used {said.used}, set aside {aside}"
    yield from _counted(said.set_aside)


def _open(said: Concluded) -> Iterator[str]:
    if said.refused:
        yield "Everything."
        return
    if not said.not_read and not said.not_recorded:
        yield "Nothing that was asked for."
    for one in said.not_read:
        yield f"  Not read: {one.what}: {one.why}"
    for one in said.not_recorded:
        yield f"  Not recorded: {one.what} ({one.why}){f', {one.count} times' if one.count > 1 else ''}"


def _counted(listed: Sequence[Said]) -> Iterator[str]:
    for one in listed:
        yield f"  {one.count} x {one.what}: {one.why}"


def _sheet(report: Report) -> Iterator[str]:
    for row in report.prefetch:
        if row.query:
            yield f"{row.key}\t{row.query}"
    for row in report.prefetch:
        if row.note:
            yield f"Note on {row.key}: {row.note}"


def _listed(texts: Sequence[str]) -> Iterator[str]:
    if not texts:
        yield "Nothing."
    for number, text in enumerate(texts, start=1):
        yield f"{number}. {text}"
