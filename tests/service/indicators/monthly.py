"""A warehouse with a monthly form of every commune, and a short way to record rounds of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

import catalogue
from services.indicators.service import IndicatorsService
from services.indicators.worker import IndicatorsWorker
from shared.contracts.actor import Actor
from shared.contracts.events import Figure, SubmissionFinalised
from shared.contracts.hashes import round_hash
from shared.contracts.views.warehouse import GridRow
from shared.entrypoints import Received
from shared.storage import UnitOfWork

RIGHTS = ("catalogue.manage", "catalogue.read", "observations.read")
OFFICE = Actor("office", "person", "Văn phòng", RIGHTS, ("*",), ("*",))
DOAN_KET = "LC-X03388-2025"
FORM = "KT-THANG"
MONTHLY: dict[str, Any] = {
    "indicators": [
        {"id": "KT1", "name": "Sản lượng", "measure": "tấn", "value_type": "decimal", "decimals": 1, "rollup": "sum"}
        | {"over_time": "sum"},
        {"id": "KT2", "name": "Số hộ", "measure": "hộ", "value_type": "integer", "rollup": "sum", "over_time": "last"},
        {"id": "KT3", "name": "Tỷ lệ", "measure": "%", "value_type": "decimal", "decimals": 1, "rollup": "none"},
    ],
    "regimes": [
        {
            "id": "KT-CHEDO",
            "name": "Chế độ thử",
            "decision": "01/QĐ",
            "period_kind": "month",
            "deadline": {"day": 20},
            "level": "commune",
        }
    ],
    "forms": [
        {
            "id": FORM,
            "name": "Biểu tháng",
            "regime": "KT-CHEDO",
            "period_kind": "month",
            "indicators": ["KT1", "KT2", "KT3"],
            "owed_by": {"each": "commune"},
            "periods": {"from": 2024},
        }
    ],
}


class Warehouse:
    """Service and worker on one fresh database, with a short way to record a round."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.service, self.worker = IndicatorsService(), IndicatorsWorker()
        self.service.unit = self.worker.unit = UnitOfWork.for_engine(engine, "indicators")
        self.rounds: dict[tuple[str, str], int] = {}
        self.service.load_catalogue(OFFICE, catalogue.read())
        self.service.load_catalogue(OFFICE, MONTHLY)

    def record(self, unit: str, period: str, **values: str | None) -> None:
        self.approve(FORM, unit, period, values)

    def approve(self, form: str, unit: str, period: str, values: Mapping[str, str | None]) -> None:
        number = self.rounds[unit, period] = self.rounds.get((unit, period), 0) + 1
        figures = [Figure(code, value) for code, value in values.items()]
        event = SubmissionFinalised(
            submission_id=f"{form}.{unit}.{period}",
            round=number,
            content_hash=round_hash(form, unit, period, number, figures),
            form=form,
            unit=unit,
            agency=unit,
            period=period,
            level="commune",
            approved_at=datetime.now(UTC),
            index=0,
            total=1,
            figures=figures,
        )
        with self.worker.unit() as unit_of_work:
            message = Received(event, uuid.uuid4(), "test", datetime.now(UTC))
            self.worker.on_submission_finalised(unit_of_work, message)

    def row(self, unit: str, indicator: str, period: str, **asked: Any) -> GridRow:
        grid = self.service.read_grid(OFFICE, period, indicators=[indicator], units=[unit], **asked)
        [row] = grid.rows
        return row
