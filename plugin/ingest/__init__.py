"""FHIR in, facts out: the only package that reads FHIR.

`read_record`, `read_orders` and `read_standing_orders` take decoded JSON of any quality; `resources_of` and
`resources_of_text` take files apart; `split_patients` tells whose data they are.
"""

from plugin.ingest.documents import UnusableInput, resources_of, resources_of_text
from plugin.ingest.orders import read_orders
from plugin.ingest.patient import split_patients
from plugin.ingest.reader import read_record
from plugin.ingest.standing_orders import read_standing_orders

__all__ = [
    "UnusableInput",
    "read_orders",
    "read_record",
    "read_standing_orders",
    "resources_of",
    "resources_of_text",
    "split_patients",
]
