"""Two sources written without knowledge of the hub, pulled from by data alone: by POST with a cursor and a number that
rises, by SOAP with numbered pages and a time. docs/examples are the partners."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from services.integration import fetching, intake
from services.integration.puller import Puller
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views.pulls import PullDetail
from shared.storage import UnitOfWork
from tests.foreign import Foreign, npm_is_here, rest_server, soap_server
from tests.service.integration.conftest import ACTOR, emitted

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SECRET = "bi-mat-cua-nguon"
FILES = {"nguon-trong-trot": "source-rest.json", "nguon-chan-nuoi": "source-soap.json"}
NAMES = {"nguon-trong-trot": ("LUA.DX", "LUA.MUA"), "nguon-chan-nuoi": ("TRAU", "BO")}
OURS = {"nguon-trong-trot": ("NT01", "NT02"), "nguon-chan-nuoi": ("NT04", "NT05")}
SPELLED = {"nguon-trong-trot": ("3.507,6", "KPS"), "nguon-chan-nuoi": ("3507.6", None)}
SOURCES = pytest.mark.parametrize(
    "source",
    [
        "nguon-trong-trot",
        pytest.param(
            "nguon-chan-nuoi", marks=pytest.mark.skipif(not npm_is_here(), reason="npm is not on this machine")
        ),
    ],
    indirect=True,
)


@pytest.fixture
def unit(engine: Engine) -> UnitOfWork:
    made = UnitOfWork.for_engine(engine, "integration")
    body = {"name": "Tỉnh Lai Châu", "kind": "province", "codes": [{"scheme": "gso", "code": "12"}]}
    units = [CatalogueEntry("unit", "LC", body), CatalogueEntry("unit", "LC-SNNMT", {"name": "Sở", "kind": "agency"})]
    with made() as opened:
        intake.catalogue.apply(opened, CatalogueChanged(version=1, entries=units))
    return made


@pytest.fixture
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(source: str) -> Iterator[Foreign]:
    with (rest_server if source == "nguon-trong-trot" else soap_server)(SECRET) as running:
        yield running


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IntegrationSettings:
    for name in FILES:
        (tmp_path / f"partner_{name}").write_text(SECRET)
    made = IntegrationSettings(
        secrets=tmp_path, contracts=tmp_path / "contracts", pull_timeout_seconds=5, backoff_seconds=0.01, pull_tries=2
    )
    monkeypatch.setattr("services.integration.service.administration.integration_settings", lambda: made)
    return made


@pytest.fixture
def put(
    source: str, server: Foreign, options: IntegrationSettings, service: IntegrationService
) -> Callable[..., dict[str, Any]]:
    """Put the source as an operator puts the example's file, but for what is named."""
    document = json.loads((EXAMPLES / FILES[source]).read_text())
    document["endpoint"] = f"{server.address}/{document['endpoint'].split('/', 3)[3]}"
    if source == "nguon-chan-nuoi":
        fetching.fetch(f"{server.address}/tiep-nhan?wsdl", f"{source}.wsdl", options.contracts, fetching.over_http())

    def save(**changes: Any) -> dict[str, Any]:
        service.put_partner(ACTOR, source, {**document, **changes})
        return document

    return save


@pytest.fixture
def pull(
    source: str,
    put: Callable[..., dict[str, Any]],
    options: IntegrationSettings,
    unit: UnitOfWork,
    service: IntegrationService,
) -> Callable[..., PullDetail]:
    """Pull now and return the run as it ended."""
    put()
    puller = Puller(unit, source, options)

    def run(**asked: Any) -> PullDetail:
        begun = service.pull(ACTOR, source, **asked)
        for _ in range(100):
            puller.step()
            found = service.read_pull(ACTOR, begun.id)
            if found.pull.finished_at is not None:
                return found
        raise AssertionError("never ends")

    return run


def pushed(engine: Engine) -> list[tuple[str, str, Any]]:
    """What was pushed, in order: (period, indicator, value), a value of None being "nothing occurred"."""
    return [
        (body["body"]["period"], figure["indicator"], figure["value"])
        for body in emitted(engine, "push_accepted")
        for figure in body["body"]["figures"]
    ]


@SOURCES
def test_what_changed_there_is_pushed_once_page_by_page_from_the_watermark_on(
    source: str, server: Foreign, pull: Callable[..., PullDetail], engine: Engine
) -> None:
    theirs, ours, (number, nothing) = NAMES[source], OURS[source], SPELLED[source]
    assert pull().pull.read == 0
    server.enter(*[(f"2026-{month:02}", theirs[0], number) for month in range(1, 6)])
    server.enter(("2026-01", theirs[1], nothing))
    server.enter(("2026-01", theirs[0], "5"), unit="99")
    first = pull().pull
    assert (first.state, first.read, first.new, first.unmapped, first.error) == ("succeeded", 7, 6, 1, None)
    assert first.pages >= 4 and first.pushes == 5
    told = pushed(engine)
    assert set(told) == {("2026-01", ours[1], None), *((f"2026-{month:02}", ours[0], 3507.6) for month in range(1, 6))}

    server.enter(("2026-05", theirs[0], number), ("2026-05", theirs[1], "7"))
    second = pull().pull
    assert (second.state, second.new, second.since is not None) == ("succeeded", 1, True)
    assert second.read < 9  # the overlap, not everything
    assert pushed(engine)[-1] == ("2026-05", ours[1], 7)
    assert pull().pull.new == 0


@SOURCES
def test_a_source_that_does_not_know_us_says_so_and_nothing_moves(
    source: str, pull: Callable[..., PullDetail], options: IntegrationSettings, service: IntegrationService
) -> None:
    options.secret_file(f"partner_{source}").write_text("another")
    failed = pull().pull
    assert (failed.state, failed.pages) == ("failed", 0)
    assert failed.error_code == ("integration.source_refuses" if source == "nguon-trong-trot" else failed.error_code)
    trial = service.check_partner(ACTOR, source)
    assert [step.step for step in trial.steps if step.passed is False] == ["source"]


@SOURCES
def test_a_trial_reads_the_first_page_and_tells_what_it_made_of_it(
    source: str, server: Foreign, put: Callable[..., dict[str, Any]], service: IntegrationService, unit: UnitOfWork
) -> None:
    put()
    server.enter(("2026-01", NAMES[source][0], "1"))
    server.enter(("2026-01", NAMES[source][0], "5"), unit="99")
    trial = service.check_partner(ACTOR, source)
    told = {step.step: step for step in trial.steps}
    assert trial.passed, trial.steps
    assert told["source"].told.startswith("its first page has 2 rows, 1 of use; row 2, ")
    assert "pulls.unmapped_unit" in told["source"].detail and told["authentication"].passed is None
    document = put()
    put(source={**document["source"], "rows": {**document["source"]["rows"], "period": "thang_nam"}})
    trial = service.check_partner(ACTOR, source)
    assert [step.step for step in trial.steps if step.passed is False] == ["source"]


@pytest.mark.skipif(not npm_is_here(), reason="npm is not on this machine")
@pytest.mark.parametrize("source", ["nguon-chan-nuoi"], indirect=True)
def test_a_fault_that_blames_the_request_ends_the_run_and_names_it(
    source: str, put: Callable[..., dict[str, Any]], pull: Callable[..., PullDetail]
) -> None:
    document = put()
    put(source={**document["source"], "paging": {"kind": "number", "size": 501}})
    failed = pull().pull
    assert (failed.error_code, failed.tries) == ("integration.source_refuses", 0)
    assert failed.error is not None and "toi da 500 dong" in failed.error
    put(source={**document["source"], "call": {"operation": "ThayDoiMoi", "arguments": {"Trang": {"$": "page"}}}})
    failed = pull().pull
    assert failed.error_code == "integration.bad_contract"
    assert failed.error is not None and "no operation for call (ThayDoiMoi)" in failed.error
