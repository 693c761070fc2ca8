"""integration: the hub's hands towards other systems.

Owns: partners and their mappings, the ledger of what each partner is expected to hold and what it acknowledged, digests
over both, deliveries with their attempts, reconciliations with their differences, scrubs, dead letters.
RPC: list_partners, read_partner, put_partner, suspend_partner, resume_partner, check_partner, partner_permits,
list_deliveries, read_delivery, sync, reconcile, read_reconciliation, list_reconciliations, read_report, export_report,
read_digests, list_values, search_digests, list_groups, post_source_digests, post_source_values, read_source_comparison,
list_dead_letters, read_dead_letter, replay_dead_letter, discard_dead_letter, list_security_servers,
announce_security_server, describe_status.
Takes: observations_recorded, catalogue_changed, and every queue of dead letters.
Tells: partner_changed, security_server_announced, delivery_failed, reconciliation_finished, source_differed,
partner_holds_newer, observations_requested.
Never: changes a figure, decides an approval, calls a partner inside a database transaction.
"""
