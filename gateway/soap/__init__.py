"""The SOAP door: envelopes by the contract in `shared/schemas`, operations that do what their REST routes do, and the
header of X-Road where its security server calls. Knows no rule of its own about figures."""
