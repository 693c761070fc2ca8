"""The command line `hub`: the ground the processes stand on, starting and stopping them, and asking the running hub.

Owns: private servers, databases, roles and secrets of an installation (`ground`), the supervisor, the demo. Talks to
the running hub as any client does, over the gateway's HTTP API. Never does: import a service or the gateway; what they
prepare themselves (accounts, partners) runs as a process of its own.
"""
