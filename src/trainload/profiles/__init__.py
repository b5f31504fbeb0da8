"""Hourly series on the real calendar: weather, sun, wind, load shape, price, carbon, calls of the utility."""
