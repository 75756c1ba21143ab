"""Pure reasoning: from one patient's recorded facts to trials, verdict and what a card may say."""
