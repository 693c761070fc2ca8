"""Tables of the integration service and the SQL over them, by subject. Decides nothing and commits nothing."""
