"""Regimes and forms: in full, as files, and copied for another year."""

from __future__ import annotations

import base64
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import regimes as examples
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body
from shared.contracts.views.proposals import ProposalView
from shared.contracts.views.regimes import FileView, FormDetail, RegimeDetail, RegimeImport, RegimePage
from shared.errors import Invalid

router = APIRouter(tags=["catalogue"])
Reader = Annotated[Caller, requires("catalogue.read")]
Proposer = Annotated[Caller, requires("catalogue.propose")]
REGIME = "/v1/regimes/{regime}"
FILE_TIMEOUT_SECONDS = 60.0
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Title = Annotated[str, plain_text(500, 0)]


class Copy(Body):
    """The copy's ids, from when to when it is asked for (a year, or a period of its kind), and its decision."""

    proposal_id: Id
    new_id: Id
    first: int | Id
    last: int | Id | None = None
    decision: Annotated[str, plain_text(500)]
    title: Title = ""


@router.get("/v1/regimes", **documented("List regimes", RegimePage, examples.REGIMES))
async def list_regimes(caller: Reader, after: After = None, limit: Limit = 200) -> Response:
    """List the regimes with the decisions they rest on, their deadlines and windows."""
    return reply(await caller.ask("indicators", "list_regimes", after=after, limit=limit))


@router.get(REGIME, **documented("Read a regime", RegimeDetail, examples.REGIME_DETAIL))
async def read_regime(regime: Id, caller: Reader) -> Response:
    """Read a regime with its forms."""
    return reply(await caller.ask("indicators", "read_regime", regime=regime))


@router.get("/v1/forms/{form}", **documented("Read a form", FormDetail, examples.FORM_DETAIL))
async def read_form(form: Id, caller: Reader) -> Response:
    """Read a form as people fill it in: table, open lists, rules, help, parties, earlier versions and indicators."""
    return reply(await caller.ask("indicators", "read_form", form=form))


@router.get("/v1/forms/{form}/template", **documented("Take a blank form", bytes, "", files=(WORKBOOK,)))
async def take_template(form: Id, caller: Reader) -> Response:
    """Take the form as a blank workbook (XLSX): its table, its open lists, and what each cell is for."""
    return await _file(caller, "form_template", form=form)


@router.get(REGIME + "/export", **documented("Export a regime", dict[str, object], examples.PACKAGE, files=(WORKBOOK,)))
async def export_regime(regime: Id, caller: Reader, format: Literal["json", "xlsx"] = "json") -> Response:
    """Take a whole regime out as one file: the regime, its forms and the indicators, measures and dimensions they need.
    XLSX is for reading and editing, a sheet for each part; importing either gives the same again."""
    return await _file(caller, "export_regime", regime=regime, format=format)


@router.post(
    "/v1/regimes/import",
    **documented(
        "Import a regime",
        RegimeImport,
        examples.IMPORTED,
        body=examples.PACKAGE,
        body_schema={"type": "object"},
    ),
)
async def import_regime(request: Request, caller: Proposer, proposal: Id | None = None, title: Title = "") -> Response:
    """Read a regime's file (the JSON, or the bytes of the XLSX) and tell what loading it would change, or every fault
    with its sheet, row and column. With `proposal` it becomes the draft of that id."""
    body = await request.body()
    if not body:
        raise Invalid("gateway.invalid_body", "the file is empty", "Tệp rỗng.")
    return reply(
        await caller.ask(
            "indicators",
            "import_regime",
            timeout_seconds=FILE_TIMEOUT_SECONDS,
            content=base64.b64encode(body).decode(),
            proposal_id=proposal,
            title=title,
        )
    )


@router.post(
    REGIME + "/copy",
    **documented(
        "Copy a regime",
        ProposalView,
        examples.COPIED,
        body={
            "proposal_id": "GD-THANG-2027",
            "new_id": "GD-THANG-2027",
            "first": 2027,
            "decision": "Quyết định 31/2026/QĐ-UBND",
        },
    ),
)
async def copy_regime(regime: Id, copy: Copy, caller: Proposer) -> Response:
    """Draft the same regime for another year ("copy from last year"): forms with ids of their own and no earlier
    versions; the old forms end the period before."""
    return reply(
        await caller.ask(
            "indicators",
            "copy_regime",
            timeout_seconds=FILE_TIMEOUT_SECONDS,
            regime=regime,
            proposal_id=copy.proposal_id,
            new_id=copy.new_id,
            first=copy.first,
            last=copy.last,
            decision=copy.decision,
            title=copy.title,
        )
    )


async def _file(caller: Caller, method: str, **arguments: object) -> Response:
    """Answer with the bytes of the file that the service made."""
    told = await caller.ask("indicators", method, timeout_seconds=FILE_TIMEOUT_SECONDS, **arguments)
    file = msgspec.json.decode(told, type=FileView)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"}
    return Response(base64.b64decode(file.content), 200, headers, media_type=file.media_type)
