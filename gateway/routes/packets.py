"""Packets of QCVN 125: read from the hub's data one kind by one, taken in as pushes, checked, and their schemas."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway import examples
from gateway import packets as making
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import packets as shown
from gateway.metrics import PUSHES
from gateway.routes import Day, Id, reply
from gateway.routes.data import Intake, Key, Pusher
from shared.contracts.views.packets import PacketCheckView, PacketFinding, PacketKindView
from shared.contracts.views.submissions import ReceiptView
from shared.errors import HubError, NotFound
from shared.packets.checking import check
from shared.packets.registry import KINDS, kind_named

router = APIRouter(tags=["packets"])
CatalogueReader = Annotated[Caller, requires("catalogue.read")]
FigureReader = Annotated[Caller, requires("observations.read")]
StatusReader = Annotated[Caller, requires("submissions.read")]
Signed = Annotated[bool, Query(description="sign it with the hub's key (XAdES, enveloped)")]
State = Literal["due", "draft", "submitted", "returned", "approved", "waived"]
PACKETS = "/v1/packets"
UNFILLED = ("outline-form", "outline-delivery")
"""The hub keeps no outlines yet: systems that do can exchange them by these packets."""

TAKEN = ("report-data", "report-list")
_SCHEMAS = files("shared.packets") / "schemas"
_ANY_XML: dict[str, Any] = {"type": "string"}


def _packet(kind: str) -> dict[str, Any]:
    """Return how a route that answers with this kind is documented."""
    known = kind_named(kind)
    told = documented(f"Read packet ({known.number}): {known.told.partition(':')[0]}", None, "")
    told["responses"][200]["content"] = {
        making.MEDIA_TYPE: {"schema": {"type": "string"}, "example": shown.opening(known)}
    }
    return {**told, "response_class": Response}


@router.get(PACKETS, **documented("List the kinds of packets", list[PacketKindView], shown.KINDS_SHOWN))
async def list_kinds(_caller: CatalogueReader) -> Response:
    """List the thirteen kinds: namespace, schema, and the address that fills each from the hub's data. Namespaces and
    names are the hub's own; the official field tables were not available, and no conformity is claimed."""
    views = [
        PacketKindView(
            number=kind.number,
            id=kind.id,
            title=kind.title,
            namespace=kind.namespace,
            root=kind.root,
            schema_at=f"{PACKETS}/schemas/{kind.module}.xsd",
            read_at=None if kind.id in UNFILLED else f"{PACKETS}/{kind.id}",
            sent_to=PACKETS if kind.id in TAKEN else None,
        )
        for kind in KINDS
    ]
    return reply(msgspec.Raw(msgspec.json.encode(views)))


@router.get(
    PACKETS + "/schemas/{file}",
    **{**_packet("report-data"), "summary": "Read a schema"},
)
async def read_schema(file: Annotated[Id, Path(examples=["report_data.xsd"])], _caller: CatalogueReader) -> Response:
    """Read the schema (XSD) of a kind, or `datatypes.xsd`, which all of them import."""
    names = {f"{kind.module}.xsd" for kind in KINDS} | {"datatypes.xsd"}
    if file not in names:
        raise NotFound("packets.no_schema", f"there is no schema {file}", "Không có lược đồ này.")
    return Response((_SCHEMAS / file).read_bytes(), 200, media_type=making.MEDIA_TYPE)


@router.get(PACKETS + "/regime", **_packet("regime"))
async def read_regime(caller: CatalogueReader, regime: Id, signed: Signed = False) -> Response:
    """Read a reporting regime with its decision, deadlines, data window and forms."""
    return await making.document(caller, kind_named("regime"), "indicators", "regime_packet", signed, regime=regime)


@router.get(PACKETS + "/report-form", **_packet("report-form"))
async def read_form(caller: CatalogueReader, form: Id, signed: Signed = False) -> Response:
    """Read a form at its newest version: indicators, table, open lists, rules and who owes it."""
    return await making.document(caller, kind_named("report-form"), "indicators", "form_packet", signed, form=form)


@router.get(PACKETS + "/report-data", **_packet("report-data"))
async def read_data(caller: FigureReader, form: Id, unit: Id, period: Id, signed: Signed = False) -> Response:
    """Read the whole approved content of one form, unit and period, at its newest version."""
    return await making.document(
        caller,
        kind_named("report-data"),
        "indicators",
        "data_packet",
        signed,
        form=form,
        unit=unit,
        period=period,
    )


@router.get(PACKETS + "/report-list", **_packet("report-list"))
async def read_list(caller: FigureReader, form: Id, unit: Id, period: Id, signed: Signed = False) -> Response:
    """Read the open lists of the approved content of one form, unit and period."""
    return await making.document(
        caller,
        kind_named("report-list"),
        "indicators",
        "list_packet",
        signed,
        form=form,
        unit=unit,
        period=period,
    )


@router.get(PACKETS + "/report-status", **_packet("report-status"))
async def read_status(
    caller: StatusReader,
    form: Id | None = None,
    unit: Id | None = None,
    agency: Id | None = None,
    period: Id | None = None,
    state: State | None = None,
    signed: Signed = False,
) -> Response:
    """Read where reports stand now, at most 5,000 of them."""
    return await making.document(
        caller,
        kind_named("report-status"),
        "submissions",
        "status_packet",
        signed,
        form=form,
        unit=unit,
        agency=agency,
        period=period,
        state=state,
    )


@router.get(PACKETS + "/periods", **_packet("periods"))
async def read_periods(
    caller: CatalogueReader,
    year: Annotated[int, Query(ge=1900, le=2199)],
    regime: Id | None = None,
    signed: Signed = False,
) -> Response:
    """Read the periods of a year, or with `regime` those of the regime with data windows and deadlines."""
    return await making.document(
        caller, kind_named("periods"), "indicators", "periods_packet", signed, year=year, regime=regime
    )


@router.get(PACKETS + "/indicators", **_packet("indicators"))
async def read_indicators(
    caller: CatalogueReader,
    group: Id | None = None,
    form: Id | None = None,
    on: Day | None = None,
    signed: Signed = False,
) -> Response:
    """Read the catalogue of indicators, of a group or a form, with the newest definitions or those of a day."""
    return await making.document(
        caller, kind_named("indicators"), "indicators", "indicators_packet", signed, group=group, form=form, on=on
    )


@router.get(PACKETS + "/kpi-set", **_packet("kpi-set"))
async def read_kpi_set(
    caller: CatalogueReader, form: Id | None = None, regime: Id | None = None, signed: Signed = False
) -> Response:
    """Read the set of indicators that are computed from others: of a form, a regime, or all."""
    return await making.document(
        caller, kind_named("kpi-set"), "indicators", "kpi_set_packet", signed, form=form, regime=regime
    )


@router.get(PACKETS + "/indicator-groups", **_packet("indicator-groups"))
async def read_groups(caller: CatalogueReader, signed: Signed = False) -> Response:
    """Read the catalogue of indicator groups."""
    return await making.document(caller, kind_named("indicator-groups"), "indicators", "groups_packet", signed)


@router.get(PACKETS + "/disaggregations", **_packet("disaggregations"))
async def read_disaggregations(caller: CatalogueReader, signed: Signed = False) -> Response:
    """Read the catalogue of disaggregations with their code lists."""
    return await making.document(caller, kind_named("disaggregations"), "indicators", "disaggregations_packet", signed)


@router.get(PACKETS + "/kpi-data", **_packet("kpi-data"))
async def read_kpi_data(
    caller: FigureReader, unit: Id, period: Id, form: Id | None = None, signed: Signed = False
) -> Response:
    """Read the approved values of computed indicators of a unit and period."""
    return await making.document(
        caller, kind_named("kpi-data"), "indicators", "kpi_packet", signed, unit=unit, period=period, form=form
    )


@router.post(
    PACKETS,
    **documented(
        "Push a packet",
        ReceiptView,
        examples.RECEIPT_ACCEPTED,
        status=202,
        others={200: "This push was processed before; this is its stored receipt (`Idempotent-Replay: true`)"},
        body=shown.DATA,
        body_schema=_ANY_XML,
        body_type=making.MEDIA_TYPE,
    ),
)
async def push_packet(request: Request, caller: Pusher, key: Key) -> Response:
    """Push figures as packet (4) or (5). It becomes the same push as `POST /v1/data`, with the same receipt. A packet
    that bears a signature is taken only if it holds and is the sender's own; one without is refused where the sender's
    permission demands signatures."""
    intake: Intake = request.app.state.intake
    try:
        body, signed = await making.push_of(caller, await request.body())
        return await intake.take(caller, key, body, signed=signed)
    except HubError as error:
        PUSHES.labels("unavailable" if error.retryable else "refused").inc()
        raise


@router.post(
    PACKETS + "/check",
    **documented(
        "Check a packet",
        PacketCheckView,
        shown.CHECKED,
        body=shown.DATA,
        body_schema=_ANY_XML,
        body_type=making.MEDIA_TYPE,
    ),
)
async def check_packet(request: Request, caller: CatalogueReader) -> Response:
    """Tell which of the thirteen a document is and all that is wrong with it, each with its line and element; nothing
    is stored. What is no packet at all is refused."""
    found = await asyncio.to_thread(check, await request.body())
    view = PacketCheckView(
        kind=found.kind.id,
        number=found.kind.number,
        title=found.kind.title,
        signed=found.signed,
        valid=not found.findings,
        findings=msgspec.convert(found.findings, list[PacketFinding], from_attributes=True),
    )
    return reply(msgspec.Raw(msgspec.json.encode(view)))
