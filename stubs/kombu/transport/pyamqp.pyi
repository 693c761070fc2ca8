class Transport:
    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]
