"""Who sits at the command line, as the machine knows them."""

from __future__ import annotations

import getpass


def operator_name() -> str:
    """The login name of whoever runs the command; ``unknown`` where the machine has no name for them."""
    try:
        return f"operator {getpass.getuser()}"
    except (KeyError, OSError):
        return "operator unknown"
