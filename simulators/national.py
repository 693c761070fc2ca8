"""The national reporting system's stand-in: SOAP at /soap, REST at /api/v1, port 8090 by default."""

from __future__ import annotations

from simulators.process import main

if __name__ == "__main__":
    main(title="National reporting system (stand-in)", partner="quoc-gia", port=8090)
