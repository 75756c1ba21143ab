"""A run's document as JUnit XML: one test case a requirement, so that any build server shows it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from cds_hooks.checking.document import Breach, Report


def junit(document: Report) -> bytes:
    """Faults are failures, what was not judged is skipped, warnings and notes are said in `system-out`."""
    faulty = {one.id for one in document.of("fault")}
    beside = {one.id for one in document.breaches} - faulty
    total = len(faulty) + len(beside) + len(document.kept) + len(document.not_judged)
    suite = Element(
        "testsuite",
        name=f"CDS Hooks check, profile {document.profile}",
        tests=str(total),
        failures=str(len(faulty)),
        errors="0",
        skipped=str(len(document.not_judged)),
        timestamp=document.at,
        hostname=document.base,
    )
    for name in dict.fromkeys(one.id for one in document.breaches):
        found = [one for one in document.breaches if one.id == name]
        case = _case(suite, name, found[0].text)
        if faults := [one for one in found if one.severity == "fault"]:
            failure = SubElement(case, "failure", message=_said(faults[0]), type=faults[0].level)
            failure.text = "\n".join(map(_whole, faults))
        if others := [one for one in found if one.severity != "fault"]:
            SubElement(case, "system-out").text = "\n".join(f"{one.severity}: {_whole(one)}" for one in others)
    for left in document.not_judged:
        SubElement(_case(suite, left.id, left.text), "skipped", message=left.why)
    for row in document.kept:
        _case(suite, row.id, row.text)
    made: bytes = tostring(suite, encoding="utf-8", xml_declaration=True)
    return made


def _case(suite: Element, name: str, text: str) -> Element:
    return SubElement(suite, "testcase", classname="cds-hooks", name=f"{name} {text}")


def _said(one: Breach) -> str:
    return f"{one.where} {one.problem}".strip()


def _whole(one: Breach) -> str:
    sent = f" Sent: {'; '.join(one.sent)}." if one.sent else ""
    services = f" Services: {', '.join(one.services)}." if one.services else ""
    return f"{_said(one)}.{sent}{services} Mend: {one.mend}"
