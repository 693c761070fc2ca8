"""The submissions service as others call it: one short method per question or command, one module per subject."""

from __future__ import annotations

from services.submissions.service.aggregating import AggregatingCalls
from services.submissions.service.checking import CheckingCalls
from services.submissions.service.editing import EditingCalls
from services.submissions.service.following import FollowingCalls
from services.submissions.service.obligations import ObligationCalls
from services.submissions.service.packets import PacketCalls
from services.submissions.service.paper import PaperCalls
from services.submissions.service.reading import ReadingCalls
from services.submissions.service.received import ReceivedCalls
from services.submissions.service.submitting import SubmittingCalls
from shared.entrypoints import Described
from shared.storage import UnitOfWork


class SubmissionsService(
    Described,
    ReadingCalls,
    ReceivedCalls,
    EditingCalls,
    CheckingCalls,
    AggregatingCalls,
    SubmittingCalls,
    ObligationCalls,
    PaperCalls,
    FollowingCalls,
    PacketCalls,
):
    """Receipts, submissions and their figures, obligations and what is done to them."""

    name = "submissions"
    unit = UnitOfWork()
