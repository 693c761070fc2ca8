"""Accounts: people, systems, their roles and scopes, credentials, and the tokens that carry rights to the gateway.

Owns: accounts of people and API clients (Đ4.2e, Đ9, Đ10), Argon2id hashes of their secrets, the table from roles to
rights, the throttle on failed attempts, the keys that sign tokens.

RPC: `authenticate_client`, `sign_in`, `public_keys`, `describe_status`. Takes: `partner_changed`, by which it knows
whose systems may have a token today (Đ14.4). Events: none out.

Never: decides what a right means (each service does), keeps or logs a secret in clear, or anything else.
"""
