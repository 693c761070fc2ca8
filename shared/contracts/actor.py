"""Who is calling, as the gateway read it from a verified token, and which rights there are (Đ9, Đ10)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Forbidden

RIGHTS: dict[str, str] = {
    "catalogue.read": "read units, indicators, forms and regimes",
    "catalogue.manage": "load and change the catalogue",
    "catalogue.propose": "propose indicators, regimes and forms, and withdraw one's own proposals",
    "catalogue.review": "comment on proposals",
    "catalogue.publish": "publish or reject proposals; within one's own unit its thematic and ad hoc regimes",
    "data.push": "push figures as a system",
    "submissions.read": "read submissions, obligations and their figures",
    "submissions.edit": "enter and change figures of a draft, resolve conflicts",
    "submissions.submit": "submit, withdraw and reopen submissions",
    "obligations.manage": "extend and waive obligations, open and close the intake, urge those who owe",
    "cases.read": "read approval cases",
    "cases.decide": "approve and return submissions",
    "observations.read": "read the warehouse",
    "observations.load": "load existing history as approved figures",
    "observations.publish": "publish values by decision, and take them back",
    "sources.compare": "post what one's own system holds, to be compared with what the hub received from it",
    "deliveries.read": "read partners and deliveries",
    "deliveries.manage": "send what is due now, retry deliveries",
    "partners.manage": "create, change, suspend, resume and try partners; announce changes of security servers",
    "reconciliations.read": "read reconciliation reports",
    "reconciliations.run": "start reconciliations and repairs",
    "digests.read": "read digests and listings, of what one's own system is to hold or of the warehouse one may read",
    "dead_letters.read": "read dead letters",
    "dead_letters.replay": "replay or discard dead letters",
    "messages.read": "search, read and export the log of messages with other systems",
    "inbox.read": "read one's notifications",
    "status.read": "see how the hub is doing",
}
"""Every right a route may name. A route without one of these, or `public`, does not start."""

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a system with the rights and scopes of its token.

    `units` and `forms` bound the data it may touch ("*" means all); `agency` is the unit id of the agency it acts for
    (the obliged agency, which may differ from the area that figures are about). `signs`: what it pushes must be signed
    packets, as its partner's permission says.
    """

    id: str
    kind: str  # "person" | "client" | "service"
    name: str
    rights: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    agency: str | None = None
    partner: str | None = None
    signs: bool = False

    def may(self, right: str) -> bool:
        """Tell whether the token carries `right`."""
        return right in self.rights

    def covers(self, *, unit: str | None = None, form: str | None = None) -> bool:
        """Tell whether unit and form are in this actor's data scope. What is not named is not asked."""
        unit_ok = unit is None or EVERYWHERE in self.units or unit in self.units
        form_ok = form is None or EVERYWHERE in self.forms or form in self.forms
        return unit_ok and form_ok

    def require(self, right: str, *, unit: str | None = None, form: str | None = None) -> None:
        """Raise Forbidden unless the actor holds `right` over this unit and form."""
        if not self.may(right):
            raise Forbidden(
                "accounts.right_missing", f"{self.id} lacks {right}", "Bạn không có quyền thực hiện việc này."
            )
        if not self.covers(unit=unit, form=form):
            raise Forbidden(
                "accounts.out_of_scope",
                f"{self.id} has no scope over unit {unit}, form {form}",
                "Đơn vị hoặc biểu mẫu này không thuộc phạm vi được giao.",
            )


def service_actor(service: str) -> Actor:
    """The hub's own service acting for itself (sealer, scheduler, snapshots): every read right, no decision."""
    return Actor(
        id=f"service:{service}",
        kind="service",
        name=service,
        rights=("observations.read", "submissions.read"),
        units=("*",),
        forms=("*",),
    )
