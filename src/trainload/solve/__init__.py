"""A chain of steps with a border, as arrays: its solvers and its certificates. Knows nothing of the application."""
