"""The indicators service's tables, and the translation between rows and the domain. Decides nothing."""
