"""The symptom profile: evidence, domain scores, which domain predominates and how surely."""
