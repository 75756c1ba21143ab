"""The Helm chart as Helm renders it with the example values: deploy/helm/rendered.yaml.

`python -m tests.release.chart` lints and renders it by Helm itself and holds the result against the schemas of
Kubernetes; both come with `make chart`. The file begins with a digest of what it was made from, so that a stale one is
told without Helm.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "helm"
CHART = FOLDER / "trd-cds"
VALUES = FOLDER / "example.yaml"
RENDERED = FOLDER / "rendered.yaml"
KUBERNETES = "1.32"
_WARNING = 2  # of Helm's severities


class BadChartError(Exception):
    """The chart does not pass Helm or Kubernetes; the message says what they say."""


def digest() -> str:
    """Of every file of the chart, and the example values."""
    found = hashlib.sha256()
    for path in sorted([*CHART.rglob("*"), VALUES]):
        if path.is_file():
            found.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def head() -> str:
    """The first lines of the rendered file."""
    made = "# Made by `make chart` from deploy/helm/trd-cds and deploy/helm/example.yaml; do not edit."
    return f"{made}\n# sha256 {digest()}\n"


def documents() -> list[dict[str, Any]]:
    """The objects that the rendered file holds."""
    return [one for one in yaml.safe_load_all(RENDERED.read_text(encoding="utf-8")) if one]


def render() -> str:
    """What Helm makes of the chart. Raises BadChartError; ImportError without the packages of `make chart`."""
    import kubernetes_validate
    from helm_python.chart import Chart, lint

    values = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    report = lint(CHART, values, strict=True, kube_version=f"v{KUBERNETES}.0")
    said = [one["error"] for one in report["messages"] if one["severity"] >= _WARNING] + report["errors"]
    if said:
        raise BadChartError("\n".join(said))
    with Chart.load(CHART) as chart:
        chart.validate_schema(values)
        parts = chart.render(values, name="trd-cds", namespace="trd-cds", is_install=True)
    made = "---\n".join(parts[name].strip("\n") + "\n" for name in sorted(parts) if parts[name].strip())
    for one in yaml.safe_load_all(made):
        try:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as fault:
            raise BadChartError(str(fault)) from None
    return head() + made


if __name__ == "__main__":
    try:
        RENDERED.write_text(render(), encoding="utf-8")
    except BadChartError as fault:
        sys.exit(str(fault))
