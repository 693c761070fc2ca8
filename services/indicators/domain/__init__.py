"""What the catalogue and the warehouse mean. Pure: no I/O, no clock, no framework."""
