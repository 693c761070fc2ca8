"""The indicators service as RabbitMQ sees it: one short method per question or command, one module per subject."""

from __future__ import annotations

from services.indicators.service.calendar import CalendarCalls
from services.indicators.service.catalogue import CatalogueCalls
from services.indicators.service.exporting import ExportCalls
from services.indicators.service.history import HistoryCalls
from services.indicators.service.indicators import IndicatorCalls
from services.indicators.service.organisation import OrganisationCalls
from services.indicators.service.outliers import OutlierCalls
from services.indicators.service.packets import PacketCalls
from services.indicators.service.proposals import ProposalCalls
from services.indicators.service.publishing import PublishingCalls
from services.indicators.service.regimes import RegimeCalls
from services.indicators.service.releases import ReleaseCalls
from shared.entrypoints import Described
from shared.storage import UnitOfWork


class IndicatorsService(
    Described,
    CatalogueCalls,
    IndicatorCalls,
    CalendarCalls,
    ReleaseCalls,
    ExportCalls,
    ProposalCalls,
    RegimeCalls,
    OrganisationCalls,
    OutlierCalls,
    HistoryCalls,
    PublishingCalls,
    PacketCalls,
):
    """Catalogue and warehouse for those who ask."""

    name = "indicators"
    unit = UnitOfWork()
