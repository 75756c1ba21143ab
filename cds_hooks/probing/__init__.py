"""What a FHIR server gives to every way of asking, and what this service would make of it: `trd-cds probe`.

For an integrator, before a hook is ever called. Nothing is kept and nothing is sent anywhere but to the server probed.

Reading order: `wanted` (what is asked by) -> `answers`, `asking` (one way to ask, carried through) -> `lines`, `survey`
(all ways) -> `strictness`, `conclusion`, `comparing`, `findings`, `sheet` (what follows) -> `document`, `report` (put
together) -> `printed` (as text).
"""
