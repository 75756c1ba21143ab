"""The ordinary rest of a story's chart, so that it looks as in an EHR: seeded, documented, without any say.

A story tells what matters. Around it this package puts the visits at which it was recorded with the people who saw
the patient, vital signs, yearly laboratory values, what else people of that age have with the drugs for it, and
immunisations. `shares.yaml` says how often; one seed, story and day give the same chart on every machine. None of it
may change what is concluded: values are within their ranges, and where a story tells of a vital sign or a laboratory
measure itself, the background is silent from that day on. A test compares every story with and without.
"""

from cds_hooks.stories.background.chart import chart_around
from cds_hooks.stories.background.shares import Shares, read_shares

__all__ = ["Shares", "chart_around", "read_shares"]
