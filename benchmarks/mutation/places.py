"""What is mutated: the modules of plugin/, and what of them is left out and why."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = "plugin"
LEFT_OUT = {
    "annotation": "type annotations, type variables, `cast` and names of types: nothing reads them at run time",
    "docstring": "docstrings",
    "decorator": "decorators: they run when the module is read, and most changes stop the import",
    "checking only": "imports and what stands under `if TYPE_CHECKING`",
    "slots": "`__slots__` and `__all__`: memory, and what a star import would take",
    "message": "`raise` with its message: no program reads the words, and plugin/ writes no log",
    "size or type": "`len(...)` and `isinstance(...)`: mutmut leaves them out; nearly any change there fails at once",
}


def files(root: Path = ROOT) -> list[str]:
    """Every module of plugin/, relative to the root, in order."""
    return sorted(str(path.relative_to(root)) for path in (root / SOURCE).rglob("*.py"))


def content_hash(root: Path = ROOT) -> str:
    """The state of plugin/ that mutants belong to."""
    whole = hashlib.sha256()
    for file in files(root):
        whole.update(file.encode() + b"\0" + (root / file).read_bytes())
    return whole.hexdigest()[:12]
