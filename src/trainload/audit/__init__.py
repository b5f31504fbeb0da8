"""The audit: everything a plan says, recomputed from its tables alone."""
