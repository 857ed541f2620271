"""The terms that a search tries, in the order in which they are likely.

Three families: terms that see labels, terms that see both sides, terms that see one side only.  Each has its common
members first; the rest follows only where those do not explain the loss.
"""
