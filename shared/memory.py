"""How a process that stays up looks for garbage and gives memory back."""

from __future__ import annotations

import ctypes
import gc

_THRESHOLD = 50_000
"""New containers before cycles are looked for: a push of 5,000 figures makes tens of thousands, and no cycle."""

_MIB = 1 << 20
_MALLOPT = {"M_MMAP_THRESHOLD": (-3, 4 * _MIB), "M_TRIM_THRESHOLD": (-1, 16 * _MIB), "M_ARENA_MAX": (-8, 2)}
"""glibc's parameters (malloc.h). Left to itself it keeps the largest block ever freed, in each thread's own arena: the
19 MiB that checking a password takes stayed behind eight times over."""


def begin() -> None:
    """Do not look for garbage while modules are loaded, which stay for ever: that would be a sixth of the time that
    loading takes. `settle` ends it."""
    gc.disable()


def settle() -> None:
    """Leave what is loaded by now out of the search for garbage: it stays for ever, and searching it again and again
    would cost bulk work 100 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD)
    gc.enable()


def give_back() -> None:
    """Have the C library return large blocks to the system when they are freed. Call it before threads are started; a
    library that knows no such parameters is left as it is."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _MALLOPT.values():
            mallopt(parameter, value)
