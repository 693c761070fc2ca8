"""What healing notifications leaves out: marks of what a person has read name entries by numbers that the entries told
again need not have. Such entries show as unread once more."""

REPEATS_COMMANDS = False
