"""Ways to get power, the gates they wait for, and when they arrive."""
