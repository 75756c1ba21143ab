"""Silent mode: the reasoning of the service over the past of a whole population, without showing anything to anybody.

`tables` says what is kept, `moments` at which past moments a patient is judged, `judging` does it for one patient; the
engines group the lines of an export by patient and call it.
"""
