"""Intervals of rates of moments, orders, cards and records, of which one patient has many.

What one patient's orders bring is alike, so that a hundred orders of ten patients tell less than those of a hundred.
The variance of the rate is that of a ratio of sums over patients (linearised); divided into the variance that
independent orders would have, it gives the number of independent orders that would tell as much. Wilson's interval is
that of this number: Rao JNK, Scott AJ. A simple method for the analysis of clustered binary data. Biometrics
1992;48:577–585. The number is never larger than that of the orders, nor, where all or none are counted and nothing
varies, than that of the patients. Patients are taken to be independent; what prescribers have in common is not allowed
for.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.silent.report.run_reading import Run

_SUMS = """
SELECT count(*), sum(x.many), sum(coalesce(y.many, 0)), sum(x.many * x.many), sum(x.many * coalesce(y.many, 0)),
    sum(coalesce(y.many, 0) * coalesce(y.many, 0))
FROM ({whole}) AS x LEFT JOIN ({part}) AS y USING (patient) WHERE x.many > 0
"""


@dataclass(frozen=True, slots=True)
class Clustered:
    """`part` of `whole`, both sums over `patients`, with the sums of their squares and of their product."""

    patients: int
    whole: int
    part: int
    squares_of_whole: int
    products: int
    squares_of_part: int

    @property
    def size(self) -> float:
        """The number of independent ones that tell as much.

        >>> Clustered(10, 100, 50, 1000, 500, 500).size  # five patients with ten of ten, five with none
        9.0
        >>> Clustered(100, 100, 50, 100, 50, 50).size  # one each
        99.0
        """
        if not self.whole:
            return 0.0
        rate = self.part / self.whole
        if self.part in (0, self.whole):
            return float(min(self.patients, self.whole))
        if self.patients == 1:
            return 1.0
        spread = self.squares_of_part - 2 * rate * self.products + rate * rate * self.squares_of_whole
        variance = self.patients / (self.patients - 1) * spread / self.whole**2
        # One that varies less than chance would has happened to: that is no reason for a narrower interval.
        return min(rate * (1 - rate) / variance, float(self.whole)) if variance > 0 else float(self.whole)


def clustered(run: Run, whole: str, part: str, *values: object) -> Clustered:
    """The sums for two queries of ``patient, many``; `values` stand for the question marks, those of `whole` first."""
    [sums] = run.ask(_SUMS.format(whole=whole, part=part), *values)
    return Clustered(*(int(value or 0) for value in sums))
