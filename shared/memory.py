"""How a process that stays up looks for garbage."""

from __future__ import annotations

import gc

_THRESHOLD = 50_000
"""New containers before cycles are looked for: a push of 5,000 figures makes tens of thousands, and no cycle."""


def settle() -> None:
    """Leave what is loaded by now out of the search for garbage: it stays for ever, and searching it again and again
    would cost bulk work 100 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD)
