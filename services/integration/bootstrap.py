"""Load the partners from `catalogue/partners.json` and see that each has a secret, and the hub a seal for packets.

Run as `python -m services.integration.bootstrap`.

May be run again: what no administrator has changed is brought up to date, secrets are never replaced, and a partner
that is new or takes new forms is planned everything it is due.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

import msgspec

from services.integration import administration, backfilling
from services.integration.domain.partner_rules import check
from services.integration.domain.partners import Partner
from services.integration.domain.unambiguous import Known
from services.integration.seals import ensure_seal
from services.integration.settings import IntegrationSettings, integration_settings
from services.integration.storage import partner_versions
from services.integration.storage import partners as partner_rows
from shared.logs import logger
from shared.storage import UnitOfWork, engine

log = logger(__name__)


def read_partners(file: Path) -> list[Partner]:
    """Return the partners of this file. Raises msgspec.ValidationError if it is not of that shape."""
    return msgspec.json.decode(file.read_bytes(), type=dict[str, list[Partner]])["partners"]


def ensure_secret(settings: IntegrationSettings, partner: Partner) -> bool:
    """Make the partner's secret, readable by its owner alone, unless there is one; tell whether it was made."""
    file = settings.secret_file(partner.credential)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_urlsafe(32))
    return True


def load(unit_of_work: UnitOfWork, partners: list[Partner]) -> list[str]:
    """Write these partners and plan what they are due; return the ids of those that were new or changed. A partner that
    an administrator has changed since is the administrator's: it stays as it is.

    Raises Invalid("integration.bad_partner").
    """
    changed = []
    with unit_of_work() as unit:
        known = {partner.id: partner for partner in partner_rows.load_all(unit.connection)}
        newest = partner_versions.latest(unit.connection)
        for partner in partners:
            untouched = partner.id not in newest or newest[partner.id].action == "loaded"
            if untouched and (known.get(partner.id) != partner or partner.id not in newest):
                check(partner, Known())  # the catalogue may not be here yet
                administration.put(unit, partner, action="loaded")
                changed.append(partner.id)
    backfilling.work(unit_of_work)
    return changed


def main() -> None:
    """Run the step on this process's settings."""
    import catalogue

    parser = argparse.ArgumentParser(prog="python -m services.integration.bootstrap", description=__doc__)
    parser.add_argument("--secrets-only", action="store_true", help="make the secrets, touch no database")
    wanted = parser.parse_args()

    settings = integration_settings()
    partners = read_partners(Path(catalogue.__file__).parent / "partners.json")
    made = [partner.id for partner in partners if partner.credential and ensure_secret(settings, partner)]
    made += ["seal"] if ensure_seal(settings.secrets) else []
    if wanted.secrets_only:
        return
    changed = load(UnitOfWork.for_engine(engine("integration"), "integration"), partners)
    log.info("partners.loaded", partners=len(partners), changed=changed, secrets_made=made)


if __name__ == "__main__":
    main()
