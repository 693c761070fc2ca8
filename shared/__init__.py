"""What every process of the hub stands on: contracts, messages, storage, errors, logs, metrics. Knows no service."""
