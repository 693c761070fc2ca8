"""A handler of sets of messages."""
