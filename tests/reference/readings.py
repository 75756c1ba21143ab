"""Where the rules decide and the engine was found to differ: the reference's side of each, by name.

Every switch is the reading of the rules. A test may turn one off for as long as the engine's other reading is not yet
settled, and says so; with all of them on the reference is the rules.
"""

# E5 and decision 93: the stock cap holds for the days carried over after rescaling, not only before.
CAP_AFTER_RESCALING = True
# Decisions 11 and 93: leftover tablets of an uncertain dose surely last only as long as at the higher dose.
RESCALE_SURELY = True
# 4.2: the end of a reported use ends orders too.
REPORT_ENDS_ORDERS = True
# Decision 36: the possible run is the longest one, whatever its grades.
LONGEST_POSSIBLE_RUN = True
# Decision 33: an exposure is one era; another era of the drug at a higher dose does not make this one act.
ERA_ACTS = True
# 5.2: a score in remission within the trial, then one at the line, is a lost response even without a baseline.
REMISSION_IS_RESPONSE = True
# Decisions 31 and 42: of several orders on one day only those that surely cover it add surely, whichever comes first.
ORDERS_SURE_EACH = True
# Decision 32: which era each statement on adherence speaks of is decided on all eras, not on those left by another one.
ADHERENCE_TOGETHER = True
# 5.2: the next antidepressant is the next after the start of the very run whose outcome is sought.
NEXT_AFTER_THE_SAME_RUN = True
