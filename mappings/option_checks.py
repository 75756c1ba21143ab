"""Checks of what options propose and how strategies relate them: known names, and no doubtful code in an order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from mappings.option_schema import Option
from mappings.strict_yaml import KnowledgeError

if TYPE_CHECKING:
    from mappings.clinical import Clinical

_FILE = "strategies.yaml"
_DECLARE = "declare it there, or correct the name"
_PARAMETERS = frozenset({"matched-lane-from", "adjunct-lane-from", "promoting-grade"})


def check_proposals(
    clinical: Clinical,
    *,
    drugs: Collection[str],
    classes: Collection[str],
    procedures: Collection[str],
    systems: Collection[str],
) -> None:
    """Raises KnowledgeError at the first contradiction between options, strategies and what they name."""
    for id_, option in clinical.options.items():
        _orders(f"options/{id_}.yaml", option, drugs, procedures)
    strategies = clinical.strategies
    if set(strategies.parameters) != _PARAMETERS:
        raise KnowledgeError(_FILE, "parameters", "not the parameters in use", f"give {', '.join(sorted(_PARAMETERS))}")
    for number, match in enumerate(strategies.trial_matches):
        place = f"trial_matches.{number}"
        _known(_FILE, place, match.drugs, drugs, "drug")
        _known(_FILE, place, match.classes, classes, "drug class")
        if not (match.drugs or match.classes):
            raise KnowledgeError(_FILE, place, "names no drug and no class", "say which trials it is about")
    named = [
        *(("refractory", one) for one in strategies.refractory),
        *(("pairings", (one.therapy,)) for one in strategies.pairings),
        *(("together", (*one.options, *one.beside)) for one in strategies.together),
        *(("apart", (*one.options, *one.against)) for one in strategies.apart),
    ]
    for place, ids in named:
        _known(_FILE, place, ids, clinical.options, "option")
    for where, chosen in strategies.order_systems.items():
        _known(_FILE, f"order_systems.{where}", chosen, systems, "code system")


def _orders(file: str, option: Option, drugs: Collection[str], procedures: Collection[str]) -> None:
    on_request = all(order.when == "enabled" for order in option.orders)  # none at all, too
    if not (on_request if option.action == "information" else option.orders):
        raise KnowledgeError(file, "orders", "orders and action do not fit", "give orders to all but information")
    _known(file, "closes.while_taking", option.closes.while_taking, drugs, "drug")
    doubtful = {(code.system, code.code) for code in option.to_verify}
    for number, order in enumerate(option.orders):
        place = f"orders.{number}"
        _known(file, place, [order.drug] if order.drug else [], drugs, "drug")
        _known(file, place, [order.procedure] if order.procedure else [], procedures, "procedure kind")
        if (order.drug is not None) > (order.resource == "medication"):
            raise KnowledgeError(file, place, "a service has no drug", "name the procedure kind instead")
        for code in order.codes:
            if (code.system, code.code) in doubtful:
                raise KnowledgeError(file, place, f"{code.code} is still to be verified", "leave it out of the order")


def _known(file: str, place: str, found: Iterable[str], known: Collection[str], what: str) -> None:
    for name in found:
        if name not in known:
            raise KnowledgeError(file, place, f"there is no {what} {name!r}", _DECLARE)
