"""Stand-ins for the systems on the far side: the national reporting system (SOAP and REST) and a ministry (REST).

They keep what they get, answer for it, and misbehave on command; each can also be pulled from, as a source system. For
the demo, the tests and the bench; the product never imports them, and they know of the product only the wire format
(`shared.schemas`, `shared.digest`).
"""
