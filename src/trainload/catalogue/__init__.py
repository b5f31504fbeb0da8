"""Facts: each with unit, year, source and grade, as frozen records."""
