"""Approval: cases, the decisions over them, and the signatures that bind a decision to exactly one content.

Owns: one case per (submission, round), who may decide it (four eyes), reasons of returns (Đ15.4a), decision records
signed with this service's own Ed25519 key.

RPC: `list_cases`, `read_case`, `approve`, `return_submission`, `withdraw`, `public_keys`, `describe_status`.
Events in: `submission_submitted`. Events out: `submission_approved`, `submission_returned`, `submission_withdrawn`.

Never: keeps or reads figures, opens rounds, or decides by itself.
"""
