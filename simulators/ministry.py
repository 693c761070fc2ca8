"""A ministry system's stand-in: REST at /api/v1, SOAP at /soap, port 8091 by default."""

from __future__ import annotations

from simulators.process import main

if __name__ == "__main__":
    main(title="Ministry system (stand-in)", partner="bo-nganh", port=8091)
