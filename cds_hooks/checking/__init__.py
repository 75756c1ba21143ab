"""A judge of any CDS Hooks service, from outside: it reads discovery, calls every service in many ways and says, by
numbered requirement, what is wrong with the answers.

`run.judge` is the order of everything; `requirements.csv` holds what is judged, `profiles.yaml` what each profile
changes and `hooks.yaml` what a context of each hook holds. All requests speak of an invented patient. Nothing that a
service answers is ever repeated: a finding names places and says in our own words what is wrong there.
"""
