"""The clinic of the tests at the edge, and its patient with two failed trials, for the requirements that none of them
is about.
"""

from tests.edge.conftest import card_drafts, chart, clinic, keyring, knowledge, making, private_keys
from tests.edge.test_whole_answers import history

__all__ = ["card_drafts", "chart", "clinic", "history", "keyring", "knowledge", "making", "private_keys"]
