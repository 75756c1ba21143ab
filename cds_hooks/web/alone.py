"""Pages that are one file (template ``frame.html``): style inside, no script, a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup


def alone(styles: Iterable[Path]) -> dict[str, Any]:
    """What ``frame.html`` needs beside title and look: the `style` of these files, and the `policy` that allows it."""
    style = "\n".join(file.read_text(encoding="utf-8") for file in styles)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "style": Markup(style),  # noqa: S704 - our own files
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    }
