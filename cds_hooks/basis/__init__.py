"""The page that shows the basis of one assessment: trials over time, arithmetic, and what every number rests on.

`page` makes the whole page from an assessment and the knowledge. Nothing here reads a clock, a file of a patient or the
network. View models are plain frozen values made in Python; the templates only write them down.
"""
