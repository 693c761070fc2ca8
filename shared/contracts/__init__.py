"""Payloads that cross a process border: events (`events`), RPC views (`views`), who calls (`actor`), the catalogue.

Events are msgspec Structs because they are decoded by the thousand; views are frozen dataclasses because FastAPI
documents them. Fields may be added with a default, never renamed or removed within one `schema` number.
"""
