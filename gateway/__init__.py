"""The only door of the hub: REST over HTTP, tokens, problem details; checks shape and rights, then hands on.

RPC: none of its own; calls accounts, submissions, approval, indicators, integration and notifications.
Events in: none. Events out: push_accepted (published with a confirm before the client hears 202).
Never: keeps state of its own, decides about content, talks to a database. What it remembers (verified tokens, public
keys, budgets of calls) it can lose at any moment.
"""
