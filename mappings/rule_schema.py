"""The catalogue of rules: what the id on a reason stands for.

Every conclusion of the reasoning carries the id of the rule that led to it. `mappings/rules.yaml` says in one sentence
what each rule is and whom it follows; the numbers of the rules live in the other files of the knowledge.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Knowable, Reviewed

RuleId = Annotated[str, Field(pattern=r"^(?:[A-Z]\d{1,2}|S)$")]


class Rule(Knowable):
    """One rule: its stable `id`, a short `title` and one sentence.

    `raised` is False for a rule that acts without ever being the id of a reason; `why_not` then says where it shows.
    """

    id: RuleId
    title: Annotated[str, Field(min_length=1)]
    says: Annotated[str, Field(min_length=1)]
    raised: bool = True
    why_not: str = ""
    cites: CitationIds

    @model_validator(mode="after")
    def _silent_rules_say_why(self) -> Rule:
        if self.raised == bool(self.why_not):
            raise PydanticCustomError("silent_rule", "why_not is said exactly where raised is false")
        return self


class Rules(Reviewed):
    """``rules.yaml``: every rule, in the order in which they act."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_of_each(self) -> Rules:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) < len(ids):
            raise PydanticCustomError("rule_twice", "a rule id is given twice")
        return self
