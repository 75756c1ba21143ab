"""The files of the gallery: what should be in the directory, what is stale in it, and how it is brought up to date.

``manifest.json`` names every file that was made, and for each picture the digest of the page it was taken from, style
included: so a stale picture is found without a browser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from cds_hooks.gallery.index import document_path, index, picture_path
from cds_hooks.gallery.shown import Shown

INDEX, MANIFEST = "README.md", "manifest.json"
_OURS = re.compile(r"[a-z0-9-]+/[a-z0-9-]+\.(json|png)")


class Manifest(BaseModel):
    """What was made: the texts by path, and the pictures with the digest of the page each was taken from."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    texts: list[str] = []
    pictures: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class GalleryFiles:
    """What should be there, by path below the directory: the texts, and the pages that pictures are to be taken of."""

    texts: Mapping[str, str] = field(repr=False)
    pages: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stale:
    """The paths at which the directory differs from what it should hold: texts, and pictures."""

    texts: tuple[str, ...]
    pictures: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.texts or self.pictures)


def files_of(gallery: Sequence[Shown]) -> GalleryFiles:
    """The files of a gallery: one document and one picture for each that differs from those of the profiles before."""
    texts, pages = {INDEX: index(gallery)}, {}
    for one in gallery:
        for profile, look in one.looks.items():
            if one.document_of(profile) == profile:
                texts[document_path(profile, one.case.id)] = look.document
            if one.picture_of(profile) == profile:
                pages[picture_path(profile, one.case.id)] = look.page
    return GalleryFiles(texts, pages)


def stale_files(directory: Path, wanted: GalleryFiles) -> Stale:
    """What differs, what is missing, and what was made once and no longer belongs there. Raises OSError."""
    made = _manifest(directory)
    texts = {name for name, text in wanted.texts.items() if _text(directory / name) != text}
    texts |= {name for name in made.texts if name not in wanted.texts}
    if sorted(made.texts) != sorted(wanted.texts):
        texts.add(MANIFEST)
    return Stale(tuple(sorted(texts)), tuple(sorted({*stale_pictures(directory, wanted), *_left_over(made, wanted)})))


def stale_pictures(directory: Path, wanted: GalleryFiles) -> list[str]:
    """The pictures that are to be taken: those that are missing, and those taken from another page than now."""
    made = _manifest(directory)
    return [
        name
        for name, page in wanted.pages.items()
        if made.pictures.get(name) != _digest(page) or not (directory / name).is_file()
    ]


def write_files(directory: Path, wanted: GalleryFiles, pictures: Mapping[str, bytes]) -> None:
    """Write all texts and the `pictures` that were taken, and remove what was made once and no longer belongs there.

    Pictures that were not taken anew stay as they are, and are told as stale if they are. Raises OSError.
    """
    made = _manifest(directory)
    contents = {name: text.encode() for name, text in wanted.texts.items()} | dict(pictures)
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in {*made.texts, *made.pictures} - {*wanted.texts, *wanted.pages}:
        if _OURS.fullmatch(name):
            (directory / name).unlink(missing_ok=True)
    kept = {name: digest for name, digest in made.pictures.items() if name in wanted.pages}
    taken = {name: _digest(wanted.pages[name]) for name in pictures}
    now = Manifest(texts=sorted(wanted.texts), pictures=dict(sorted({**kept, **taken}.items())))
    document = orjson.dumps(now.model_dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (directory / MANIFEST).write_bytes(document)


def _left_over(made: Manifest, wanted: GalleryFiles) -> list[str]:
    return [name for name in made.pictures if name not in wanted.pages]


def _manifest(directory: Path) -> Manifest:
    """What was made; nothing where the file is missing or spoiled, so that all counts as stale."""
    try:
        return Manifest.model_validate_json((directory / MANIFEST).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Manifest()


def _text(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else None


def _digest(page: str) -> str:
    return sha256(page.encode()).hexdigest()
