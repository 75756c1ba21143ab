"""FHIR in, facts out: the only package that reads FHIR.

`read_record`, `read_orders` and `read_standing_orders` take decoded JSON of any quality; `resources_of` and
`resources_of_text` take files apart; `split_patients` tells whose data they are. For looking back, `past_orders` finds
what was ordered, `Past` (or `as_known`, for one resource) and `as_drafted` take back what was not known on a past day,
and with a `ReadOnce` nothing is read twice.
"""

from plugin.ingest.documents import UnusableInput, resources_of, resources_of_text
from plugin.ingest.known_then import Past, as_drafted, as_known
from plugin.ingest.orders import read_orders
from plugin.ingest.past_orders import PastOrder, past_orders
from plugin.ingest.patient import split_patients
from plugin.ingest.read_once import ReadOnce
from plugin.ingest.reader import read_record
from plugin.ingest.standing_orders import read_standing_orders

__all__ = [
    "Past",
    "PastOrder",
    "ReadOnce",
    "UnusableInput",
    "as_drafted",
    "as_known",
    "past_orders",
    "read_orders",
    "read_record",
    "read_standing_orders",
    "resources_of",
    "resources_of_text",
    "split_patients",
]
