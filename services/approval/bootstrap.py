"""`python -m services.approval.bootstrap`: the key that signs decisions, made once. Safe to run again.

The service makes its key itself where there is none; where secrets are mounted read-only, this step comes first.
"""

from __future__ import annotations

import argparse
import sys

from services.approval.settings import ApprovalSettings
from services.approval.signatures import DecisionSigner


def main() -> int:
    """Run on the folder that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m services.approval.bootstrap", description=__doc__)
    parser.add_argument("--secrets-only", action="store_true", help="for all services alike; here there is no more")
    parser.parse_args()
    path = ApprovalSettings.read().signing_key
    sys.stdout.write(f"decisions are signed with key {DecisionSigner.from_file(path).key_id}, kept in {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
