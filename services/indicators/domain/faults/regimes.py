"""Faults of regimes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.indicators.domain.faults.fault import Fault, unknown
from shared.catalogue.entries import Regime

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of regimes."""
    for regime_id, regime in catalogue.regimes.items():
        place = f"regimes[{regime_id}]"
        yield from _basis(place, regime)
        if regime.owner is not None and regime.owner not in catalogue.units:
            yield unknown(f"{place}.owner", regime.owner)


def _basis(place: str, regime: Regime) -> Iterator[Fault]:
    """Đ14.1: every regime cites its decision. Đ1.2: nothing secret is reported here."""
    if not regime.decision.strip():
        yield Fault(
            f"{place}.decision",
            "no_decision",
            "cites no decision",
            "Chế độ báo cáo phải nêu văn bản ban hành (Điều 14 khoản 1).",
        )
    if regime.secret:
        yield Fault(
            f"{place}.secret",
            "secret",
            "is a state secret, which has no place here",
            "Chế độ báo cáo thuộc bí mật nhà nước không thực hiện trên hệ thống này (Điều 1 khoản 2).",
        )
    if regime.kind == "thematic" and regime.moves is None:
        yield Fault(
            f"{place}.moves",
            "moves",
            "a thematic regime says whether deadlines move to the next working day",
            "Chế độ báo cáo chuyên đề phải nêu hạn rơi vào ngày nghỉ có được lùi hay không.",
        )
