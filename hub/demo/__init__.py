"""The demo: one figure's journey told step by step on a running hub, with real figures and real faults."""
