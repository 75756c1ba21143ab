"""Files of an export behind URLs: ``s3://``, ``gs://``, ``abfs://``, ``hdfs://``, ``file://``, read with Arrow.

Whoever reads a piece copies it first. Credentials are those of the machine (environment, role), as Arrow finds them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.silent.blocks import Piece
from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.inputs import InputFile, find_inputs, hashed, is_listed, kind_of

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# Names that Hadoop gives to what Arrow calls otherwise.
_SCHEMES = {"s3a": "s3", "s3n": "s3"}
_BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile(InputFile):
    """A file `inside` the file system that `url`, as the user gave it, leads to; `path` is only its name."""

    url: str
    inside: str


def is_url(written: object) -> bool:
    """Whether a path is the URL of a file system."""
    return _URL.match(str(written)) is not None


def find_files(paths: Sequence[Path | str], *, out: Path) -> tuple[InputFile, ...]:
    """As `find_inputs`, where a path may be a URL. Raises UnusableRunError."""
    near = [Path(path) for path in paths if not is_url(path)]
    found: dict[str, InputFile] = {file.inside: file for path in paths if is_url(path) for file in _remote(str(path))}
    local = find_inputs(near, out=out) if near else ()
    return tuple(sorted([*local, *found.values()], key=lambda one: (one.name, str(one.path))))


def hash_files(files: Iterable[InputFile], told: Callable[[int], None]) -> tuple[InputFile, ...]:
    """As `hashed`, where files may be remote: those are read over the network."""
    files = list(files)
    done = list(hashed((file for file in files if not isinstance(file, RemoteFile)), told))
    for file in files:
        if isinstance(file, RemoteFile):
            digest = hashlib.sha256()
            with _opened(file) as content:
                while block := content.read(_BLOCK):
                    digest.update(block)
                    told(len(block))
            done.append(replace(file, sha256=digest.hexdigest()))
    return tuple(sorted(done, key=lambda one: (one.name, one.sha256)))


def fetched(piece: Piece, place: Path) -> Piece:
    """The piece, its remote files copied into the directory `place` as far as it reads them."""
    if not any(isinstance(file, RemoteFile) for _, file in piece.files):
        return piece
    near = []
    start, end = piece.start, piece.end
    for number, file in piece.files:
        if isinstance(file, RemoteFile):
            into = place / f"input-{number:05d}"
            with _opened(file) as content, into.open("wb") as copy:
                if end is None:
                    _copy(content, copy, file.size)
                else:  # from the byte before it, which tells whether a line begins there, to the end of its last line
                    before = min(start, 1)
                    content.seek(start - before)
                    _copy(content, copy, end - start + before)
                    _copy_line(content, copy)
                    start, end = before, before + end - start
            near.append(
                (number, InputFile(path=into, lines=file.lines, packing=file.packing, size=into.stat().st_size))
            )
        else:
            near.append((number, file))
    return replace(piece, files=tuple(near), start=start, end=end)


def _copy(content: Any, copy: Any, size: int) -> None:
    while size > 0 and (block := content.read(min(_BLOCK, size))):
        copy.write(block)
        size -= len(block)


def _copy_line(content: Any, copy: Any) -> None:
    """The rest of the line; a little more does no harm, for nothing is read from beyond it."""
    while block := content.read(_BLOCK):
        copy.write(block)
        if b"\n" in block:
            return


def _remote(url: str) -> Iterator[RemoteFile]:
    from pyarrow import fs  # noqa: PLC0415 - an extra that only cohorts need

    with _told(url):
        system, inside = _system(url)
        told = system.get_file_info(inside)
        if told.type == fs.FileType.NotFound:
            raise UnusableRunError(_shown(url), "does not exist", "check the URL")
        if told.type == fs.FileType.Directory:
            listed = system.get_file_info(fs.FileSelector(inside))
            files = [one for one in listed if one.type == fs.FileType.File and is_listed(Path(one.base_name))]
            if not files:
                raise UnusableRunError(
                    _shown(url), "holds no NDJSON and no JSON file", "name the directory of an export, or its files"
                )
        elif kind_of(Path(told.base_name)) is None:
            raise UnusableRunError(_shown(url), "is no file of an export by its name", "give NDJSON or JSON files")
        else:
            files = [told]
    for one in sorted(files, key=lambda one: one.path):
        kind = kind_of(Path(one.base_name))
        assert kind is not None  # noqa: S101 - looked at above
        yield RemoteFile(
            path=Path(one.base_name), lines=kind[0], packing=kind[1], size=one.size, url=url, inside=one.path
        )


@contextmanager
def _opened(file: RemoteFile) -> Iterator[Any]:
    """The content of a file that is still as large as it was; it can be sought in."""
    with _told(file.url):
        system, _ = _system(file.url)
        with system.open_input_file(file.inside) as content:
            if content.size() != file.size:
                raise UnusableRunError(
                    f"{_shown(file.url)}: {file.name}", "has changed", "run again on an export at rest, with --force"
                )
            yield content


def _system(url: str) -> tuple[Any, str]:
    from pyarrow import fs  # noqa: PLC0415

    scheme, colon, rest = url.partition(":")
    return fs.FileSystem.from_uri(_SCHEMES.get(scheme.lower(), scheme) + colon + rest)  # type: ignore[no-any-return]


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Faults of a file system, without what it says: that may hold credentials."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except UnusableRunError:
        raise
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise UnusableRunError(
            _shown(url), "is no URL that Arrow can read", "use s3, gs, abfs, hdfs or file, or a path"
        ) from None
    except OSError:
        raise UnusableRunError(
            _shown(url), "cannot be read", "check the URL, the network and the credentials of this machine"
        ) from None


def _shown(url: str) -> str:
    """Without what may be a secret: a password before the host, and options behind the path."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'' if ':' in user else user + at}{host}{parts.path}"
