"""What the committee sees: how often each rule speaks, what clinicians do with it, and the switches.

The report counts cards and never names a patient or a user. Small counts are withheld with everything from which they
could be recomputed (`disclosure`, `derivation`); what is shown on the page, in CSV and in JSON is one and the same.
"""
