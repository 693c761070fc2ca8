"""Services of the backbone rows: handlers that do one small thing, so that what is measured is the backbone."""
