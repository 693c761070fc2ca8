"""What the hub's processes stand on: PostgreSQL, broker, databases with roles, secrets, topology; and the supervisor.

Owns: everything under HUB_VAR and what of it lies in servers: databases, roles, one virtual host. Never does: stop a
server, or touch a virtual host, queue or database, that it did not make.
"""
