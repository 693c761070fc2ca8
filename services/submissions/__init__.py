"""Submissions: who owes which figures by when, their intake, drafts and rounds, and validation.

Owns obligations (submissions in state `due`) with what people did to them, receipts of pushes, drafts with the
provenance of each figure, and the immutable rounds that were submitted. Never decides about approval and keeps no
approved history: approved figures are handed over to the warehouse.

RPC (`service.py`): find_receipt, list_submissions, read_submission, edit_figure, remove_figure, resolve_conflict,
validate_submission, comment_finding, check, aggregate, read_contributions, submit, reopen, confirm_paper,
extend_obligations, waive_obligations, restore_obligations, open_intake, close_intake, urge, list_obligations,
completeness, history, list_received, read_received, describe_status.
Events in (`worker.py`): push_accepted, catalogue_changed, submission_returned, submission_withdrawn,
submission_approved, finalised_requested, observations_recorded.
Events out: submission_submitted, submission_finalised, obligations_announced.
"""
