"""The command behind a page of docs/ that is made from tests: write it, or say that it is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def write_or_check(made: str, page: Path, *, target: str, about: str, arguments: list[str] | None = None) -> int:
    """Write `made` to `page`, or with ``--check`` compare it; 1 when it is stale. `target` is that of make."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    if not parser.parse_args(arguments).check:
        page.write_text(made, encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write(f"docs/{page.name} is stale: run make {target}\n")
    return 1
