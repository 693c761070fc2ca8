"""The rules of integration: who is due what, what a packet is, what becomes of a delivery, what differs. Pure."""
