"""A whole regime as one thing: what it needs of the catalogue, how it travels, and its copy for another year. Pure.

A package holds the regime, its forms, the indicators they name with all that those need, and their measures and
dimensions. Units are named, never carried: they are the receiving catalogue's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from services.indicators.domain.catalogue import Bodies, Catalogue, read_load
from services.indicators.domain.proposals import hash_of
from shared.calendar import Period
from shared.catalogue import formulas
from shared.catalogue.entries import SECTIONS, Form, FormContent, Indicator, Regime
from shared.catalogue.measures import Measures
from shared.errors import Conflict, Invalid, NotFound

FORMAT = "laichau-regime/1"
CARRIED = ("measures", "dimensions", "indicators", "regimes", "forms")
_YEAR = re.compile(r"-\d{4}(-\w+)?$", re.ASCII)
Content = dict[str, list[dict[str, Any]]]


def package_of(stored: Bodies, regime_id: str) -> dict[str, Any]:
    """Return the regime as one document: `format`, `regime`, `content` (sections of a load) and `content_hash`.

    The same catalogue gives the same document. Raises NotFound("indicators.no_regime").
    """
    catalogue = Catalogue.of(stored)
    _regime(catalogue, regime_id)
    forms = sorted(form_id for form_id, form in catalogue.forms.items() if form.regime == regime_id)
    indicators = _needed(catalogue, {code for form_id in forms for code in _codes(catalogue.forms[form_id])})
    definitions = [item for code in indicators for item in _definitions(catalogue.indicators[code])]
    measures = Measures(catalogue.measures.values())
    units = {found.dimension for item in definitions if (found := measures.find(item.measure)) is not None}
    breakdowns = [catalogue.indicators[code].breakdown for code in indicators]
    ids = {
        "measures": [item.id for item in catalogue.measures.values() if item.dimension in units],
        "dimensions": [
            key for key in catalogue.dimensions if any(b is not None and b.dimension == key for b in breakdowns)
        ],
        "indicators": indicators,
        "regimes": [regime_id],
        "forms": forms,
    }
    content: Content = {
        section: [{"id": key, **stored[SECTIONS[section][0], key]} for key in sorted(ids[section])]
        for section in CARRIED
    }
    content = normal(content)
    return {"format": FORMAT, "regime": regime_id, "content": content, "content_hash": hash_of(content)}


def content_of(package: object) -> dict[str, Any]:
    """Return the content of a package. Raises Invalid("indicators.package_unreadable") for something else,
    Invalid("indicators.package_changed") if the content is not the one that its hash names; without a hash it may have
    been edited."""
    if not isinstance(package, dict) or package.get("format") != FORMAT or not isinstance(package.get("content"), dict):
        raise Invalid(
            "indicators.package_unreadable",
            f"is no regime of format {FORMAT}",
            f"Tệp không phải là chế độ báo cáo theo định dạng {FORMAT}.",
        )
    content: dict[str, Any] = package["content"]
    if package.get("content_hash") not in (None, hash_of(content)):
        raise Invalid(
            "indicators.package_changed",
            "the content is not the one that content_hash names; leave the hash out after editing",
            "Nội dung tệp đã bị thay đổi so với mã băm; nếu chủ ý sửa, hãy bỏ trường content_hash.",
        )
    return content


def normal(content: dict[str, Any]) -> Content:
    """Return the content in the catalogue's normal form, where it can be read: absent fields filled in."""
    bodies, faults = read_load(content)
    if faults:
        return content
    kinds = {kind: section for section, (kind, _) in SECTIONS.items()}
    found: Content = {section: [] for section in content}
    for (kind, key), body in bodies.items():
        found[kinds[kind]].append({"id": key, **body})
    return found


def copy_of(
    stored: Bodies, regime_id: str, new_id: str, first: int | str, last: int | str | None, decision: str
) -> Content:
    """Return what begins the regime anew under another id, from `first` on (a year, or a period of its kind): its
    forms with ids of their own and without earlier versions, and the old forms, which end where the new ones begin.

    Raises NotFound("indicators.no_regime"), Conflict("indicators.id_taken"), Invalid("period.malformed").
    """
    catalogue = Catalogue.of(stored)
    regime = _regime(catalogue, regime_id)
    if ("regime", new_id) in stored:
        raise Conflict("indicators.id_taken", f"there is a regime {new_id}", f"Đã có chế độ báo cáo {new_id}.")
    fresh = msgspec.structs.replace(regime, id=new_id, decision=decision, valid_from=None, valid_to=None)
    forms = {form.id: form for form in catalogue.forms.values() if form.regime == regime_id}
    ids = {form_id: _suffixed(form_id, regime_id, new_id, first) for form_id in forms}
    content: Content = {"regimes": [msgspec.to_builtins(fresh)], "forms": []}
    for form_id, form in sorted(forms.items()):
        old = stored["form", form_id]
        copied = {
            **msgspec.to_builtins(form),
            "id": ids[form_id],
            "regime": new_id,
            "version": 1,
            "earlier": [],
            "accepted_until": None,
            "periods": {"from": first, "to": last},
            "rolls_up": ids.get(form.rolls_up or "", form.rolls_up),
        }
        content["forms"].append(copied)
        ended = _ended(form, first)
        if ended is not None:
            content["forms"].append({"id": form_id, **old, "periods": {**old["periods"], "to": ended}})
    return content


def _regime(catalogue: Catalogue, regime_id: str) -> Regime:
    regime = catalogue.regimes.get(regime_id)
    if regime is None:
        raise NotFound("indicators.no_regime", f"there is no regime {regime_id}", "Không có chế độ báo cáo này.")
    return regime


def _ended(form: Form, first: int | str) -> int | str | None:
    """Return the last period of the old form: the one before `first`; None if it ends before that anyway."""
    begins = Period.parse(f"{first:04d}" if isinstance(first, int) else first)
    _, last = form.periods.days
    if last is not None and last < begins.start:
        return None
    return begins.year - 1 if isinstance(first, int) else str(begins.previous)


def _suffixed(form_id: str, regime_id: str, new_id: str, first: int | str) -> str:
    """Return the id of a form's copy: named after the new regime where it was named after the old one, else with the
    period from which it is asked for, in place of such a suffix."""
    if form_id.startswith(regime_id):
        return new_id + form_id[len(regime_id) :]
    return f"{_YEAR.sub('', form_id)}-{first}"


def _codes(form: Form) -> Iterator[str]:
    contents: list[FormContent] = [form, *form.earlier]
    for content in contents:
        yield from content.indicators
        yield from content.derived
        for item in content.open_lists:
            yield from item.columns
        for rule in content.rules:
            yield from (needed.code for needed in formulas.parse_rule(rule.expression).inputs)


def _needed(catalogue: Catalogue, codes: Iterable[str]) -> list[str]:
    """Return these indicators with those they are made of: parents, weights, inputs of formulas."""
    found: set[str] = set()
    pending = list(codes)
    while pending:
        code = pending.pop()
        indicator = catalogue.indicators.get(code)
        if indicator is None or code in found:
            continue
        found.add(code)
        pending += [indicator.parent] if indicator.parent is not None else []
        for definition in _definitions(indicator):
            _, _, weight = definition.rollup.partition(":")
            pending += [weight] if weight else []
            if definition.formula is not None:
                pending += formulas.parse(definition.formula).codes
    return sorted(found)


def _definitions(indicator: Indicator) -> list[Any]:
    return [indicator, *indicator.earlier]
