"""The integration service at work: events in, senders, reconciliations, scrubs, dead letters."""

from __future__ import annotations

from services.integration import backfilling, intake, scrubbing, source_asking, warehouse
from services.integration.domain import timetable
from services.integration.domain.partners import Partner
from services.integration.forgetting import ComparisonKeeping
from services.integration.governing import rests
from services.integration.journaling import JournalKeeping
from services.integration.letting_go import DeadLetterKeeping
from services.integration.measuring import Measuring
from services.integration.message_log import MessageLogKeeping
from services.integration.metrics import DEAD_LETTERS
from services.integration.partner_keeping import PartnerKeeping
from services.integration.pulling import Pulling, PullKeeping
from services.integration.reconciling import Reconciler
from services.integration.sending import Sending
from services.integration.settings import integration_settings
from services.integration.source_comparing import SourceComparing
from services.integration.storage import dead_letters, scrubs
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as reconciliation_rows
from shared.contracts.events import CatalogueChanged, ObservationsRecorded
from shared.dead_letters import DeadLetter, collects_dead
from shared.entrypoints import Received, Remote, every, handles
from shared.logs import logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)


class IntegrationWorker(
    PartnerKeeping, JournalKeeping, MessageLogKeeping, PullKeeping, DeadLetterKeeping, ComparisonKeeping, Measuring
):
    """Event handlers and timers. The senders run in green threads of their own beside them."""

    name = "integration.worker"
    unit = UnitOfWork()
    remote = Remote("indicators")
    submissions = Remote("submissions")
    sending = Sending()
    pulling = Pulling()

    @handles(CatalogueChanged)
    def on_catalogue_changed(self, unit: Unit, message: Received[CatalogueChanged]) -> None:
        """Keep the copies of the catalogue: the units, whose codes the mappings need, and what partners are checked
        against."""
        for replica in (intake.catalogue, intake.definitions):
            if replica.apply(unit, message.data) == "gap":
                replica.refresh(unit, self.remote)
        backfilling.ask_for_gaps(unit)

    @handles(ObservationsRecorded, setwise=True)
    def on_observations_recorded(self, unit: Unit, messages: list[Received[ObservationsRecorded]]) -> None:
        """Update ledger and digests and plan deliveries for every partner that is due the contents."""
        intake.take(unit, messages)

    @collects_dead
    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Keep a dead letter for a person to judge."""
        with self.unit() as unit:
            news = dead_letters.collect(unit.connection, letter)
            if news:
                unit.audit(
                    "dead_letter.collected", str(letter.message_id), {"queue": letter.queue, "error": letter.error}
                )
        if news:
            DEAD_LETTERS.labels(letter.queue).inc()

    @every(seconds=0.5)
    def work_reconciliations(self) -> None:
        """Take reconciliations that are under way further."""
        Reconciler(self.unit, integration_settings()).work()

    @every(seconds=0.5)
    def work_source_comparisons(self) -> None:
        """Take comparisons with sources that are under way further."""
        SourceComparing(self.unit, self.submissions, integration_settings()).work()

    @every(seconds=10)
    def start_reconciliations(self) -> None:
        """Reconcile every partner on schedule, repairing what differs."""
        seconds = integration_settings().reconcile_every_seconds
        if not seconds:
            return
        with self.unit() as unit:
            due = set(reconciliation_rows.due(unit.connection, seconds))
            callable_now = [item for item in partner_rows.load_all(unit.connection) if item.id in due]
            for partner in [item.id for item in callable_now if _callable(unit, item)]:
                reconciliation_rows.begin(
                    unit.connection, partner, repair=True, by="schedule", correlation_id=unit.correlation_id
                )

    @every(seconds=10)
    def start_source_comparisons(self) -> None:
        """Compare every source that can be asked when its timetable says so; one that only pushes posts by itself."""
        with self.unit() as unit:
            for partner in partner_rows.load_all(unit.connection):
                if partner.source and _callable(unit, partner) and source_asking.due(unit, partner):
                    source_asking.begin(unit, partner, by="schedule")

    @every(seconds=10)
    def ask_for_overdue_chunks(self) -> None:
        """Ask again for contents of which parts stay away."""
        with self.unit() as unit:
            intake.ask_for_overdue(unit, integration_settings().chunks_overdue_seconds)

    @every(seconds=15)
    def scrub(self) -> None:
        """Recompute digests from ledger rows, and compare what we know of the warehouse with it, when that is due."""
        seconds = integration_settings().scrub_every_seconds
        if not seconds:
            return
        scrubbing.scrub_all(self.unit, seconds)
        with self.unit() as unit:
            last = scrubs.last(unit.connection, None, "warehouse")
            due = last is None or (unit.now - last).total_seconds() >= seconds
        if due:
            warehouse.check_warehouse(self.unit, self.remote)


def _callable(unit: Unit, partner: Partner) -> bool:
    """Tell whether a question may be asked now; what the timetable wants meanwhile begins when it may."""
    return timetable.held(partner, unit.now) is None and rests(unit, partner) is None
