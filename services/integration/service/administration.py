"""Partners administered: read whole, put as one document, suspended, resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.integration import administration, backfilling, checking
from services.integration.domain import timetable
from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import source_of
from services.integration.puller import reader_of
from services.integration.settings import integration_settings
from services.integration.storage import mapping_gaps, messages, partner_versions
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor
from shared.contracts.views.catalogue import FieldChange
from shared.contracts.views.partners import PartnerCheck, PartnerDetail, PartnerPermit, PartnerPlan, PartnerVersionView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

SHOWN_VERSIONS = 50


class AdministrationCalls:
    """Who is a partner, on which terms, and who changed that."""

    unit: UnitOfWork

    @rpc
    def read_partner(self, actor: Actor, partner: str) -> PartnerDetail:
        """Read a partner whole, with its versions, newest first. Raises NotFound("integration.no_partner")."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            return _detail(unit, partner_rows.load(unit.connection, partner))

    @rpc
    def put_partner(
        self,
        actor: Actor,
        partner: str,
        document: dict[str, Any],
        reason: str = "",
        dry_run: bool = False,
        expected_version: int | None = None,
    ) -> PartnerPlan:
        """Create or change a partner; a dry run tells what that would do. What it is due is planned by the worker.

        Raises Invalid("integration.bad_partner") with each place, Conflict("integration.partner_moved").
        """
        actor.require("partners.manage")
        read = administration.read_document(partner, document)
        planned, whole = self._estimate(actor, read)
        with self.unit(actor) as unit:
            standing = partner_rows.lock(unit.connection, partner)
            wanted = administration.with_state_of(read, standing)
            administration.verify(unit, wanted)
            version = _version(unit, partner, expected_version)
            changed = administration.changes(standing, wanted)
            action = "unchanged" if not changed else "created" if standing is None else "changed"
            if changed and not dry_run:
                version = administration.put(unit, wanted, action=action, reason=reason)
        return PartnerPlan(
            partner=partner,
            version=version,
            action=action,
            dry_run=dry_run,
            changes=changed,
            deliveries=planned,
            all_counted=whole,
        )

    @rpc
    def suspend_partner(self, actor: Actor, partner: str, reason: str) -> PartnerDetail:
        """Have nothing pass between this partner and the hub until it is resumed; what it is due is planned on. A
        suspended one gets the new reason. Raises NotFound("integration.no_partner"), Invalid("integration.no_reason").
        """
        actor.require("partners.manage")
        return self._set(actor, partner, active=False, reason=reason)

    @rpc
    def resume_partner(self, actor: Actor, partner: str, reason: str) -> PartnerDetail:
        """Let this partner be called again, and its clients in. Raises as `suspend_partner` does."""
        actor.require("partners.manage")
        return self._set(actor, partner, active=True, reason=reason)

    @rpc
    def check_partner(self, actor: Actor, partner: str) -> PartnerCheck:
        """Try this partner without giving it anything, outside every transaction, and tell each step in words.

        Raises NotFound("integration.no_partner").
        """
        actor.require("partners.manage")
        with self.unit(actor) as unit:
            found = partner_rows.load(unit.connection, partner)
            source = source_of(found)
            reader = None if source is None else reader_of(unit.connection, found, source)
        trial = checking.check(self.unit, found, integration_settings(), reader)
        with self.unit(actor) as unit:
            messages.keep(unit.connection, trial.notes)
            failed = [step.step for step in trial.steps if step.passed is False]
            unit.audit("partner.checked", partner, {"failed": failed})
            return PartnerCheck(partner=partner, at=unit.now, passed=trial.passed, steps=trial.steps)

    @rpc
    def partner_permits(self) -> list[PartnerPermit]:
        """Return who is active and permitted when: the snapshot of `partner_changed`, for services that keep it."""
        with self.unit() as unit:
            versions = partner_versions.latest(unit.connection)
            return [
                _standing(partner, versions[partner.id].version if partner.id in versions else 0)
                for partner in partner_rows.load_all(unit.connection)
            ]

    def _estimate(self, actor: Actor, wanted: Partner) -> tuple[int, bool]:
        # Apart from the change, which locks the partner first: whoever records contents locks those first.
        with self.unit(actor) as unit:
            administration.verify(unit, wanted)
            standing = partner_rows.find(unit.connection, wanted.id)
            if not administration.refills(standing, wanted):
                return 0, True
            return backfilling.estimate(unit, wanted, administration.ESTIMATED_PAGES)

    def _set(self, actor: Actor, partner: str, *, active: bool, reason: str) -> PartnerDetail:
        if not reason.strip():
            raise Invalid("integration.no_reason", "a reason is needed", "Phải ghi rõ lý do.")
        with self.unit(actor) as unit:
            standing = partner_rows.lock(unit.connection, partner)
            if standing is None:
                raise NotFound("integration.no_partner", f"no partner {partner}", "Không có hệ thống nhận này.")
            wanted = replace(standing, active=active, suspension="" if active else reason.strip())
            if wanted != standing:
                action = "resumed" if active else "suspended"
                administration.put(unit, wanted, action=action, reason=reason.strip())
            return _detail(unit, wanted)


def _version(unit: Unit, partner: str, expected: int | None) -> int:
    newest = partner_versions.versions_of(unit.connection, partner, 1)
    version = newest[0].version if newest else 0
    if expected is not None and expected != version:
        raise Conflict(
            "integration.partner_moved",
            f"{partner} is at version {version}, not {expected}",
            "Khai báo hệ thống đã được người khác thay đổi; hãy đọc lại.",
        )
    return int(version)


def _detail(unit: Unit, partner: Partner) -> PartnerDetail:
    rows = partner_versions.versions_of(unit.connection, partner.id, SHOWN_VERSIONS)
    hold = timetable.held(partner, unit.now)
    return PartnerDetail(
        id=partner.id,
        version=rows[0].version if rows else 0,
        active=partner.active,
        document=administration.document_of(partner),
        held=None if hold is None else hold.code,
        held_reason=None if hold is None else hold.detail,
        next_call_at=timetable.may_call_at(partner, unit.now),
        backfilling=partner.id in partner_versions.open_backfills(unit.connection),
        gaps=mapping_gaps.counts(unit.connection).get(partner.id, 0),
        versions=[
            PartnerVersionView(
                version=row.version,
                at=row.at,
                by=row.by,
                action=row.action,
                reason=row.reason,
                changes=[FieldChange(**change) for change in row.changes],
            )
            for row in rows
        ],
    )


def _standing(partner: Partner, version: int) -> PartnerPermit:
    told = administration.told(partner, version)
    return PartnerPermit(
        partner=told.partner,
        version=told.version,
        active=told.active,
        valid_from=told.valid_from,
        valid_to=told.valid_to,
        signs=told.signs,
    )
