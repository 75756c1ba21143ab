"""The golden gallery: every kind of card, told from a synthetic record, as each kind of client would show it.

`told` brings the cases of ``cases.yaml`` to cards, `files` to the files of ``docs/cards``, `pictures` to pictures taken
with Chromium. Nothing here is used while the service runs.
"""
