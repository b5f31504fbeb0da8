"""From scenario and stages to a calendar program, its solution, its ledger and its audit."""
