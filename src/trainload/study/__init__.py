"""The order of stages, the study folder, and the feedback loop between them."""
