"""What RPC methods answer and take: frozen dataclasses, so that msgspec carries them and FastAPI documents them.

Values are decimal strings in normal form or None (nothing occurred). Lists are paged: `next` is the cursor for the
following page, None at the end. One module per subject, imported by its name: a dataclass takes a millisecond to make,
and a process pays for the subjects it speaks about only.
"""
