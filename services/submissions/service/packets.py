"""What the packet (7) of QCVN 125, report status, is filled with; the gateway writes the XML."""

from __future__ import annotations

from datetime import datetime

from services.submissions.domain.rounds import STATES, Submission
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import submissions
from shared.contracts.actor import EVERYWHERE, Actor
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.packets.report_status import ReportState, ReportStatus
from shared.storage import UnitOfWork

MAX_REPORTS = 5_000


class PacketCalls:
    """Where reports stand, as a packet."""

    unit: UnitOfWork

    @rpc
    def status_packet(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        agency: str | None = None,
        period: str | None = None,
        state: str | None = None,
    ) -> ReportStatus:
        """Return where reports in the actor's scope stand now as packet (7), in key order (form, unit, period).

        Raises Invalid("submissions.state"), Invalid("submissions.too_many_reports") beyond 5,000.
        """
        actor.require("submissions.read")
        if state is not None and state not in STATES:
            raise Invalid("submissions.state", f"there is no state {state}", "Không có trạng thái này.")
        wanted = submissions.filters(
            form=form,
            unit=unit,
            agency=agency,
            period=period,
            state=state,
            units=None if EVERYWHERE in actor.units else actor.units,
            forms=None if EVERYWHERE in actor.forms else actor.forms,
        )
        with self.unit(actor) as transaction:
            rows = submissions.page(transaction.connection, wanted, None, MAX_REPORTS + 1)
            catalogue = catalogues.arrived(transaction.connection)
            now = transaction.now
        if len(rows) > MAX_REPORTS:
            raise Invalid(
                "submissions.too_many_reports",
                f"more than {MAX_REPORTS} reports; name a form or a period",
                f"Có hơn {MAX_REPORTS} báo cáo; hãy nêu biểu mẫu hoặc kỳ báo cáo.",
            )
        named = catalogue.name_of if catalogue else lambda _unit, _period: None
        return ReportStatus(
            as_of=now,
            reports=tuple(
                _state(item, now, named(item.unit, item.period), named(item.agency, item.period)) for item in rows
            ),
        )


def _state(item: Submission, now: datetime, unit_name: str | None, agency_name: str | None) -> ReportState:
    return ReportState(
        report=item.id,
        form=item.form,
        unit=item.unit,
        unit_name=unit_name,
        agency=item.agency,
        agency_name=agency_name,
        period=item.period,
        state=item.state,  # type: ignore[arg-type]  # STATES are those that the packet names
        round=item.round,
        approved_round=item.approved_round,
        deadline=item.due_by,
        submitted_at=item.submitted_at,
        on_time=item.on_time,
        late=item.late(now),
        content_hash=item.content_hash,
    )
