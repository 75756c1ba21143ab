"""Recognition of medication text, measured on the published list of messy strings.

    python -m benchmarks.recognition [LIST.csv]

Prints precision on look-alikes, recall on the rest and every string read otherwise than the list says. Ends with
status 1 when precision is below 1.00 or recall below 0.97, so that a script can rely on it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mappings.load import load
from plugin.ingest.recognition_measure import Measure, measure, read_samples

STRINGS = Path(__file__).parents[1] / "tests" / "knowledge" / "recognition" / "strings.csv"
PRECISION = 1.0
RECALL = 0.97


def measured(path: Path = STRINGS) -> Measure:
    """The measure of the packaged knowledge on the list at `path`."""
    with path.open(encoding="utf-8", newline="") as stream:
        return measure(read_samples(stream), load())


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("list", nargs="?", type=Path, default=STRINGS, help="a CSV list in the published form")
    result = measured(options.parse_args().list)
    print(result.report())
    return 0 if result.precision >= PRECISION and result.recall >= RECALL else 1


if __name__ == "__main__":
    sys.exit(main())
