"""Plan the electric power of frontier AI training: how much, when, how sure, from where, at what cost."""

__version__ = "0.1.0"
