"""Pure reasoning: from one patient's recorded facts to trials, verdict and what a card may say."""

from plugin.assessment import Assessment
from plugin.pipeline import assess

__all__ = ["Assessment", "assess"]
