"""Rolling up from the units below, and what each of them gave."""

from __future__ import annotations

from dataclasses import asdict

from services.submissions import rollup
from services.submissions.domain.rounds import Submission
from services.submissions.service.finding import found
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import rollups, submissions
from services.submissions.storage.rollups import Rollup
from services.submissions.views import submission_view
from shared.contracts.actor import Actor
from shared.contracts.views.submissions import ContributionView, LowerView, RolledView, RollupView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import Unit, UnitOfWork


class AggregatingCalls:
    """Upper units' drafts, made of what is approved below."""

    unit: UnitOfWork

    @rpc
    def aggregate(self, actor: Actor, submission_id: str) -> RollupView:
        """Fill the draft from the approved submissions below, by each indicator's rule (Đ10.1). What was entered by
        hand or pushed stays; a roll-up that differs waits beside it as a conflict. Nothing missing holds it up: it
        is listed, and a warning wants a comment before submitting. The same again changes nothing.

        Raises Invalid("submissions.no_form_below"), Conflict("submissions.submitted", "submissions.approved").
        """
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.edit", submission_id, lock=True)
            submission.require_taking(unit.now)
            made = rollup.roll_up(unit, submission)
            after = submissions.find(unit.connection, submission_id) or submission
            return _view(unit, after, made)

    @rpc
    def read_contributions(self, actor: Actor, submission_id: str, indicator: str | None = None) -> RollupView:
        """Return the last roll-up into the current round with what each submission below gave to each indicator (or to
        one), and which gave nothing. Who may read the submission may read what it was made of.

        Raises NotFound("submissions.not_rolled_up").
        """
        with self.unit(actor) as unit:
            submission = found(unit, actor, "submissions.read", submission_id)
            held = rollups.find(unit.connection, submission.number, submission.round)
            if held is None:
                raise NotFound(
                    "submissions.not_rolled_up",
                    f"{submission_id} was never rolled up",
                    "Bộ số liệu này chưa được tổng hợp từ cấp dưới.",
                )
            return _view(unit, submission, held, indicator)


def _view(unit: Unit, submission: Submission, held: Rollup, indicator: str | None = None) -> RollupView:
    given = rollups.read_contributions(unit.connection, submission.number, held.round, indicator)
    now = {item.submission_id: item for item in rollup.below_now(unit, submission, held)}
    catalogue = catalogues.current(unit.connection)
    missing = [
        LowerView(
            submission_id=item.submission_id,
            unit=item.unit,
            name=catalogue.name_of(item.unit, item.period),
            period=item.period,
            state=now[item.submission_id].state if item.submission_id in now else item.state,
            round=item.round,
            approved_round=now[item.submission_id].round if item.submission_id in now else None,
        )
        for item in held.sources
        if item.round is None
    ]
    return RollupView(
        submission=submission_view(submission, catalogue),
        form=held.form,
        by=held.by,
        at=held.at,
        covered=len(held.sources) - len(missing),
        expected=len(held.sources),
        missing=missing,
        results=[
            RolledView(
                indicator=result.indicator,
                rule=result.rule,
                outcome=result.outcome,
                value=result.value,
                status=result.status,
                rounded=result.rounded,
                contributed=sum(item.used for item in given.get(result.indicator, ())),
                expected=len(held.sources),
                contributions=[ContributionView(**asdict(item)) for item in given.get(result.indicator, ())],
            )
            for result in held.results
            if indicator is None or result.indicator == indicator
        ],
    )
