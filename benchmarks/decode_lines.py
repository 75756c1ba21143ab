"""The floor of a silent run: decode every line of a directory of NDJSON with the fastest JSON library, keeping none.

python -m benchmarks.decode_lines DIR
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson


def main() -> None:
    """Decode all lines, one by one."""
    for file in sorted(Path(sys.argv[1]).glob("*.ndjson")):
        with file.open("rb") as lines:
            for line in lines:
                orjson.loads(line)


if __name__ == "__main__":
    main()
