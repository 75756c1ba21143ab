"""A small FHIR R4 server in memory: the stand-in for an EHR behind the demo and behind tests of the pulled
route.
 It holds synthetic resources only, is read-only unless told otherwise, and knows nothing of depression or
drugs: what it serves is what it was given. Being a server in its own right, it writes its own envelopes
(searchset Bundles, CapabilityStatement, OperationOutcomes); the documents of the CDS service are written
elsewhere.
 Reading order: `store` → `parameters` (what can be searched) → `criteria` (how one value is compared) →
`query` (what was asked) → `search` → `paging`, `bundles` → `app`.
"""

from cds_hooks.sandbox.app import create_sandbox
from cds_hooks.sandbox.store import ResourceStore

__all__ = ["ResourceStore", "create_sandbox"]
