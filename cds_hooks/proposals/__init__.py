"""Proposed orders: for each option the FHIR resources that a client may create as drafts, or why there are none.

Everything here is a proposal among several and never a directive: status draft, by default intent proposal, without
quantity, refills or signature. Only codes that a terminology confirms leave; what is under study leaves in no resource.
"""

from cds_hooks.proposals.measures import measure_codes, measure_order
from cds_hooks.proposals.orders import Prompt, Proposal, ProposedOrder, order_names, proposals_for
from cds_hooks.proposals.style import OrderStyle

__all__ = [
    "OrderStyle",
    "Prompt",
    "Proposal",
    "ProposedOrder",
    "measure_codes",
    "measure_order",
    "order_names",
    "proposals_for",
]
