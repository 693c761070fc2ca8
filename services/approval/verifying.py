"""`python -m services.approval.verifying`: does every decision stand as it was signed? Reads only.

Exit code 1 names each decision that does not: without a signature, differing from what was signed, or signed with a key
that is not known here. Keys known are that of the file `approval_signing_key` and those given as `--public-key HEX`,
for decisions signed before the key was changed. `--show-key` prints the public key to keep for that day.
"""

from __future__ import annotations

import argparse
import sys

from services.approval import storage
from services.approval.settings import ApprovalSettings
from services.approval.signatures import DecisionSigner, faults, key_id
from shared.storage import engine


def main() -> int:
    """Run with the service's settings."""
    parser = argparse.ArgumentParser(prog="python -m services.approval.verifying", description=__doc__)
    parser.add_argument("--public-key", action="append", default=[], type=bytes.fromhex, metavar="HEX")
    parser.add_argument("--show-key", action="store_true", help="print the public key that signs now, and end")
    wanted = parser.parse_args()
    path = ApprovalSettings.read().signing_key
    if not path.is_file():
        sys.exit(f"no key in {path}")
    key = DecisionSigner.from_file(path).public_key
    if wanted.show_key:
        sys.stdout.write(f"{key_id(key)} {key.hex()}\n")
        return 0
    known = {key_id(each): each for each in (key, *wanted.public_key)}
    with engine("approval").connect() as connection:
        records = list(storage.signed_decisions(connection))
    wrong = faults(records, known)
    sys.stdout.writelines(f"{case}: {what}\n" for case, what in wrong)
    sys.stdout.write(f"{len(records)} decisions, {len(wrong)} do not stand as they were signed\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
