"""The thirteen packets that QCVN 125:2021/BTTTT names for exchange between reporting systems, in our own namespace.

The standard's field tables were not available when this was written: the names are ours, and no conformity is claimed.
Each packet is one module: its content as frozen Structs, and beside them the table of element names (`NAMES`), which is
the one place where official names go. Everything else follows from the table: `xml` builds and reads by it, `schema`
writes the XSD from it (`python -m shared.packets.schema`).

The modules of the packets know no XML library, so that a domain may use them; `xml` and `signing` do.
"""
