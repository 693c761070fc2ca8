"""Notifications: what people must know, in their inbox, in Vietnamese.

Owns: inbox entries, each for an audience (an agency, or everybody, with a right), and who has read them.

RPC: `list_inbox`, `mark_read`, `describe_status`. Events in: `submission_returned`, `submission_approved`,
`delivery_failed`, `obligations_announced`, `proposal_moved`, `reconciliation_finished`. Events out: none.

Never: knows business rules of others, or decides who has which right.
"""
