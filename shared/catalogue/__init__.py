"""The catalogue's language, spoken by its owner and by those who keep a copy: what each entry is (`entries`), units
through time (`units`), formulas (`formulas`), units of measure (`measures`). Pure: no I/O, no clock, no framework.

The indicators service owns the catalogue and checks it as a whole; other services read copies (`shared.replica`).
"""
