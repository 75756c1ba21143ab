"""Unusable input, told in one line."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - an answer to the user, not a fault of the program
    """Input or arguments that cannot be used (exit status 2).

    The message is one line that names the file or option, the place in it and the remedy. It never repeats
    content of a patient's record.
    """

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}; {remedy}")
