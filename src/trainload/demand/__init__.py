"""From compute to chips, days, MW and MWh, with the derivation kept; and back, from power to finish dates."""
