"""From eras to judged trials: episode, adequacy, outcome, augmentation, courses of procedures (rules A, O, C)."""
