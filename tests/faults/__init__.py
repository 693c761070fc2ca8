"""The hub under faults: killed at every failpoint, cut from broker and database, fed doubles, facing a bad partner.

A load client drives journeys through the gateway and keeps its own log of what was acknowledged. After each fault the
log is compared with drafts, warehouse, ledger and the far side's store: nothing lost, nothing doubled.
"""
