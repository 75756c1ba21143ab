"""Live, shadow or off: what a client is shown, decided anew for each call.

Three things are asked, and the most careful answer counts: whether the site has accepted this version of the knowledge
(else shadow), how the client stands (its latest switch, else its registry entry, and never above a switch for all), and
how each rule stands (a switch for this client, else one for all). Hard stops and the card on recorded suicidality
cannot be switched by rule: only whole clients can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cds_hooks.storage.switchboard import DEFAULT, EVERY, MODES, Mode, Switch
from mappings.arranged import Arranged
from mappings.load import Knowledge
from mappings.rule_names import rule_names

LIVE: Mode = "live"
SHADOW: Mode = "shadow"
OFF: Mode = "off"
_CARE = {LIVE: 0, SHADOW: 1, OFF: 2}
LONGEST_WHO, LONGEST_WHY = 200, 1_000


class SwitchRefusedError(ValueError):
    """A switch that must not be thrown; the message is for the person who tried."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one call stands: `mode` of the client, rules in shadow and rules off."""

    mode: Mode = LIVE
    shadowed: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()


EVERYTHING_LIVE = Standing()


def standing_of(
    client: str, *, baseline: Mode, switches: Iterable[Switch], knowledge: Knowledge, accepted: bool
) -> Standing:
    """How a call of `client` stands; `baseline` is the mode of its registry entry."""
    thrown = {(switch.client, switch.rule): _mode(switch.mode) for switch in switches}
    limits = [thrown.get((client, EVERY), baseline), thrown.get((EVERY, EVERY), LIVE), LIVE if accepted else SHADOW]
    rules = {rule: mode for (who, rule), mode in thrown.items() if rule != EVERY and who == EVERY}
    rules |= {rule: mode for (who, rule), mode in thrown.items() if rule != EVERY and who == client}
    # What could not be thrown does not act either, whoever wrote it into the table: an unknown rule, a hard stop.
    named = {rule: mode for rule, mode in rules.items() if switchable(knowledge).get(rule) is False}
    return Standing(
        max(limits, key=_CARE.__getitem__),
        frozenset(rule for rule, mode in named.items() if mode == SHADOW),
        frozenset(rule for rule, mode in named.items() if mode == OFF),
    )


def _rules(knowledge: Knowledge) -> Mapping[str, bool]:
    return rule_names(knowledge.sentences, knowledge.clinical)


switchable = Arranged(_rules)
"""Every rule id of a knowledge, with whether it is a hard stop."""


def hard_stops(knowledge: Knowledge) -> frozenset[str]:
    """The rules that stay on."""
    return frozenset(rule for rule, fixed in switchable(knowledge).items() if fixed)


def check_switch(switch: Switch, *, clients: Collection[str], knowledge: Knowledge) -> None:
    """Raise SwitchRefusedError, with what to do instead, unless `switch` may be thrown."""
    rules = switchable(knowledge)
    if switch.client != EVERY and switch.client not in clients:
        raise SwitchRefusedError("There is no client with this id in the registry. Use one of its ids, or * for all.")
    if switch.rule != EVERY and switch.rule not in rules:
        raise SwitchRefusedError("There is no rule with this id. `trd-cds mode rules` lists all of them.")
    if switch.mode not in (*MODES, DEFAULT):
        raise SwitchRefusedError(f"The mode must be one of {', '.join((*MODES, DEFAULT))}.")
    if switch.rule != EVERY and rules[switch.rule] and switch.mode in (SHADOW, OFF):
        raise SwitchRefusedError(
            "This rule is a hard stop and is never silenced by itself. If it is wrong, put the client, or all clients, "
            "into shadow or off, and report the fault."
        )
    for name, text, most in (("who", switch.who, LONGEST_WHO), ("why", switch.why, LONGEST_WHY)):
        if not text.strip() or len(text) > most or not text.isprintable():
            raise SwitchRefusedError(f"Say {name} in 1 to {most} printable characters.")


def _mode(written: str) -> Mode:
    """A mode as read; what is unknown (written by a newer version) is taken for the most careful one."""
    return next((mode for mode in MODES if mode == written), OFF)
