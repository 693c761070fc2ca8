"""A service that answers what it is told to, for tests of the gateway's calls."""
