"""The charts of docs/performance.md as SVG: the same bytes for the same figures. Needs matplotlib (make bench)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK, _OURS, _THEIRS, _BOUND = "#222222", "#2a6f97", "#b0b7bd", "#b3261e"
_STAGE_COLOURS = ("#012a4a", "#01497c", "#2a6f97", "#61a5c2", "#a9d6e5", "#99582a", "#bb9457", "#d6ccc2", "#6f7479")


def write_charts(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write every chart that the results have figures for."""
    mpl.rcParams.update(
        {"svg.hashsalt": "trd-cds", "svg.fonttype": "none", "font.size": 9, "axes.edgecolor": _INK,
         "axes.spines.top": False, "axes.spines.right": False, "font.family": "sans-serif"}
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    rows = {row["id"]: row for group in results["groups"].values() for row in group["rows"]}
    written = []
    for name, draw in (("floor", _floor), ("peer", _peer), ("sizes", _sizes), ("cohort", _cohort)):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        if draw(figure.add_subplot(), rows):
            written.append(_saved(figure, folder / f"{name}.svg"))
    if results["stages"]:
        figure = Figure(figsize=(6.4, 2.2), layout="constrained")
        _stages(figure.add_subplot(), results["stages"])
        written.append(_saved(figure, folder / "stages.svg"))
    return written


def _saved(figure: Figure, file: Path) -> Path:
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    text = file.read_text(encoding="utf-8")
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
    return file


def _floor(axes: Axes, rows: Mapping[str, Any]) -> bool:
    named = {"order-no-concern": "no concern", "order-history": "50 orders + 30 scores"}
    found = {label: rows[id_]["figures"] for id_, label in named.items() if id_ in rows}
    for place, figures in enumerate(found.values()):
        for shift, key in ((-0.2, "p50_over_floor"), (0.2, "p99_over_floor")):
            value, rounds = figures[key]["median"], figures[key]["rounds"]
            axes.barh(place + shift, value, 0.36, color=_OURS if key.startswith("p50") else _THEIRS)
            axes.plot([min(rounds), max(rounds)], [place + shift] * 2, color=_INK, linewidth=1)
            axes.annotate(f"{key[:3]} {value:.1f}x", (value, place + shift), xytext=(4, 0),
                          textcoords="offset points", va="center")  # fmt: skip
    for bound, words in ((1.3, "1.3x"), (4, "4x"), (6, "6x")):
        axes.axvline(bound, color=_BOUND, linestyle=":", linewidth=1)
        axes.annotate(words, (bound, 1.0), xycoords=("data", "axes fraction"), color=_BOUND, ha="center", va="bottom")
    axes.set_yticks(range(len(found)), list(found))
    axes.set_xlabel("times the floor (bars: median of the rounds; lines: their extremes; dotted: targets)")
    axes.set_xlim(left=0)
    axes.margins(x=0.15)
    return bool(found)


def _peer(axes: Axes, rows: Mapping[str, Any]) -> bool:
    figures = rows.get("peer", {}).get("figures", {})
    named = {"service": "this service, full reasoning", "peer": "HealthChain, empty handler", "floor": "floor"}
    found = {label: figures[key]["per_second"] for key, label in named.items() if key in figures}
    for place, one in enumerate(reversed(found.values())):
        axes.barh(place, one["median"], 0.5, color=_OURS if place == len(found) - 1 else _THEIRS)
        axes.plot([min(one["rounds"]), max(one["rounds"])], [place] * 2, color=_INK, linewidth=1)
        axes.annotate(f"{one['median']:.0f}", (one["median"], place), xytext=(4, 0), textcoords="offset points",
                      va="center")  # fmt: skip
    axes.set_yticks(range(len(found)), list(reversed(found)))
    axes.set_xlabel("requests a second, 16 callers, one worker")
    axes.margins(x=0.15)
    return bool(found)


def _sizes(axes: Axes, rows: Mapping[str, Any]) -> bool:
    found = sorted(
        (row["figures"]["kilobytes"], row["figures"]) for id_, row in rows.items() if id_.startswith("size-")
    )
    kilobytes = [size for size, _ in found]
    for key, label, colour in (("ms_per_kb", "this service", _OURS), ("floor_ms_per_kb", "floor", _THEIRS)):
        axes.plot(kilobytes, [one[key]["median"] for _, one in found], marker="o", color=colour, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("size of the request, kB")
    axes.set_ylabel("ms a kB")
    axes.legend(frameon=False)
    return bool(found)


def _stages(axes: Axes, profiles: list[Mapping[str, Any]]) -> None:
    labels = [f"{one['corpus']} ({one['whole']:.1f} ms)" for one in profiles]
    left = [0.0] * len(profiles)
    for stage, colour in zip(profiles[0]["stages"], _STAGE_COLOURS, strict=True):
        shares = [one["stages"][stage] / one["whole"] * 100 for one in profiles]
        axes.barh(labels, shares, 0.6, left=left, color=colour, label=stage)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_xlabel("share of the CPU time of a request, per cent")
    axes.invert_yaxis()
    axes.legend(frameon=False, ncols=5, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=8)


def _cohort(axes: Axes, rows: Mapping[str, Any]) -> bool:
    drawn = False
    for moments, label, colour in (("orders", "every past order", _OURS), ("date", "one date", _THEIRS)):
        line = rows.get(f"cohort-line-{moments}", {}).get("figures", {})
        if not line:
            continue
        seconds = {int(size): took for size, took in line["seconds"].items()}
        axes.plot(list(seconds), list(seconds.values()), "o", color=colour, label=label)
        far = max(seconds)
        axes.plot([0, far], [line["start"], line["start"] + line["slope"] * far], color=colour, linewidth=1)
        drawn = True
    axes.set_xlabel("patients")
    axes.set_ylabel("seconds")
    axes.legend(frameon=False)
    return drawn
