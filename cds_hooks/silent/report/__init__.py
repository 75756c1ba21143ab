"""What a silent run found, as a report: counts with their limits, agreement with a chart review, and differences."""
