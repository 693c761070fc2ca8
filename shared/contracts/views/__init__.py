"""What RPC methods answer and take: frozen dataclasses, so that msgspec carries them and FastAPI documents them.

Values are decimal strings in normal form or None (nothing occurred). Lists are paged: `next` is the cursor for the
following page, None at the end. One module per subject; everything is imported from here.
"""

from shared.contracts.views.approval import CasePage, CaseView
from shared.contracts.views.calendar import DeadlineView, PeriodCalendar, RegimeCalendar, WorkingDayView
from shared.contracts.views.catalogue import (
    CataloguePage,
    FormPage,
    FormView,
    IndicatorPage,
    IndicatorView,
    LoadResult,
    UnitPage,
    UnitView,
)
from shared.contracts.views.everyday import InboxEntry, InboxPage, ServiceStatus, TokenView
from shared.contracts.views.integration import (
    AttemptView,
    DeadLetterPage,
    DeadLetterView,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    DifferenceView,
    PartnerView,
    ReconciliationPage,
    ReconciliationView,
)
from shared.contracts.views.organisation import (
    CodeHandover,
    ReformEntry,
    ReformPage,
    ReformView,
    SuccessionView,
    UnitChange,
    UnitDetail,
)
from shared.contracts.views.submissions import (
    FigureOutcome,
    FigureView,
    FindingView,
    ReceiptView,
    SubmissionDetail,
    SubmissionPage,
    SubmissionView,
)
from shared.contracts.views.warehouse import ObservationPage, ObservationView

__all__ = [
    "AttemptView",
    "CasePage",
    "CaseView",
    "CataloguePage",
    "CodeHandover",
    "DeadLetterPage",
    "DeadLetterView",
    "DeadlineView",
    "DeliveryDetail",
    "DeliveryPage",
    "DeliveryView",
    "DifferenceView",
    "FigureOutcome",
    "FigureView",
    "FindingView",
    "FormPage",
    "FormView",
    "InboxEntry",
    "InboxPage",
    "IndicatorPage",
    "IndicatorView",
    "LoadResult",
    "ObservationPage",
    "ObservationView",
    "PartnerView",
    "PeriodCalendar",
    "ReceiptView",
    "ReconciliationPage",
    "ReconciliationView",
    "ReformEntry",
    "ReformPage",
    "ReformView",
    "RegimeCalendar",
    "ServiceStatus",
    "SubmissionDetail",
    "SubmissionPage",
    "SubmissionView",
    "SuccessionView",
    "TokenView",
    "UnitChange",
    "UnitDetail",
    "UnitPage",
    "UnitView",
    "WorkingDayView",
]
