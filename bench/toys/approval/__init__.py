"""A handler of one message."""
