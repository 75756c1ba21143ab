"""A synthetic cohort of adults with depression: the simulated truth, and the records a hospital would have of it.

Nothing in it comes from a person. `life` and `illness` invent what happens, `supply` what is filled and taken,
`medication_records` and `clinical_records` what is written down of it, `truth` what is true, `directory` the files;
`reading` reads such a directory again and `shares` counts what the reasoning says of it.
"""
