"""A derivative of a trace, in words, formulas and numbers."""
