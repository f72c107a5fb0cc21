"""Demo data for `make run`: a firm with two divisions, one employee for each role, and three hundred contacts.

The data are the same on every machine; only ids, tokens and the moments (counted from the first start) differ.
"""
