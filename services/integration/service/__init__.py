"""The integration service as others call it: one short method per question or command, one module per subject."""

from __future__ import annotations

from services.integration.service.administration import AdministrationCalls
from services.integration.service.dead_letter_jobs import DeadLetterJobCalls
from services.integration.service.dead_letters import DeadLetterCalls
from services.integration.service.deliveries import DeliveryCalls
from services.integration.service.differences import DifferenceCalls
from services.integration.service.digests import DigestCalls
from services.integration.service.messages import MessageCalls
from services.integration.service.packets import PacketCalls
from services.integration.service.partners import PartnerCalls
from services.integration.service.previews import PreviewCalls
from services.integration.service.pulls import PullCalls
from services.integration.service.reconciliations import ReconciliationCalls
from services.integration.service.reports import ReportCalls
from services.integration.service.security_servers import SecurityServerCalls
from services.integration.service.sources import SourceCalls
from services.integration.service.xroad import XRoadCalls
from shared.entrypoints import Described
from shared.storage import UnitOfWork


class IntegrationService(
    Described,
    PartnerCalls,
    AdministrationCalls,
    SecurityServerCalls,
    DeliveryCalls,
    PreviewCalls,
    MessageCalls,
    ReconciliationCalls,
    DifferenceCalls,
    ReportCalls,
    DigestCalls,
    PullCalls,
    SourceCalls,
    DeadLetterCalls,
    DeadLetterJobCalls,
    PacketCalls,
    XRoadCalls,
):
    """Questions and commands. What takes time (sending, comparing) is started here and done by the worker."""

    name = "integration"
    unit = UnitOfWork()
