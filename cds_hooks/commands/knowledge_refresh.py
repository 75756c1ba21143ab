"""`trd-cds knowledge refresh-rxnorm`: the code tables from a monthly RxNorm release, without a network."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from mappings.code_tables import MANIFEST, read_manifest
from mappings.load import DIRECTORY, Knowledge, KnowledgeError
from mappings.products import ProductIndex
from mappings.refresh import NDC_COLUMNS, Refreshed, manifest_text, refresh, table_text
from mappings.rrf import ReleaseError, read_release
from mappings.rxnorm_rows import COLUMNS


def refresh_rxnorm(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Zip or folder of an RxNorm Current Prescribable Content release.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write rxnorm.csv, ndc.csv and codes.yaml there.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Replace the installed code tables.")] = False,
) -> None:
    """Make the code tables anew and report added, remapped and retired codes; writes only when told where."""
    if write and out is not None:
        raise Refusal("--write", "excludes --out", "give one of the two")
    knowledge = load_knowledge()
    try:
        made = refresh(read_release(file, _progress), knowledge, DIRECTORY, _progress)
    except ReleaseError as fault:
        raise Refusal(f"release {fault.file}", fault.problem, fault.remedy) from None
    manifest = (DIRECTORY / MANIFEST).read_text(encoding="utf-8")
    rows = {"rxnorm.csv": len(made.rxnorm), "ndc.csv": len(made.ndc)}
    texts = {
        "rxnorm.csv": table_text(made.rxnorm, COLUMNS),
        "ndc.csv": table_text(made.ndc, NDC_COLUMNS),
        Path(MANIFEST).name: manifest_text(manifest, rows, _published(file)),
    }
    _prove(texts, knowledge)
    target = DIRECTORY / "codes" if write else out
    if target is not None:
        _write(target, texts)
    print_text("\n".join([*made.report.lines(), _outcome(made, target)]))


def _progress(line: str) -> None:
    typer.echo(line, err=True)


def _published(file: Path) -> str:
    """The date in the name of a release (``RxNorm_full_prescribe_MMDDYYYY``), empty when there is none."""
    dated = re.search(r"_(\d{2})(\d{2})(\d{4})(?!\d)", file.name)
    return f"{dated[3]}-{dated[1]}-{dated[2]}" if dated else ""


def _prove(texts: dict[str, str], knowledge: Knowledge) -> None:
    """Raise Refusal unless the new tables load beside the drugs and the other tables."""
    with tempfile.TemporaryDirectory() as folder:
        codes = Path(folder) / "codes"
        shutil.copytree(DIRECTORY / "codes", codes)
        for name, text in texts.items():
            (codes / name).write_text(text, encoding="utf-8")
        try:
            read_manifest(Path(folder))
            len(ProductIndex(Path(folder), knowledge.drugs).ndc)
        except KnowledgeError as fault:
            raise Refusal(f"new {fault.file}, {fault.place}", fault.problem, fault.remedy) from None


def _write(target: Path, texts: dict[str, str]) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (target / name).write_text(text, encoding="utf-8")
    except OSError as fault:
        raise Refusal(str(target), f"cannot be written ({fault.strerror})", "name another directory") from None


def _outcome(made: Refreshed, target: Path | None) -> str:
    sizes = f"{len(made.rxnorm)} codes, {len(made.ndc)} package codes"
    return f"{sizes}: written to {target}" if target else f"{sizes}: nothing written; use --out DIR or --write"
