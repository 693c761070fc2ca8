"""Tables of submissions and the translation between rows and domain. No rule is decided here."""
