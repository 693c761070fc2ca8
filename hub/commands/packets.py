"""`hub packets`: the packets of QCVN 125 offline: which there are, their schemas, and whether a file is one."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from hub import show
from shared.packets.registry import KINDS

app = typer.Typer(help="Packets of QCVN 125, without a running hub.", no_args_is_help=True)


@app.command("list")
def list_kinds(json_: show.AsJson = False) -> None:
    """Show the thirteen kinds with their namespaces."""
    rows = [(kind.number, kind.id, kind.title, kind.namespace) for kind in KINDS]
    if json_:
        show.as_json([dict(zip(("number", "id", "title", "namespace"), row, strict=True)) for row in rows])
    else:
        show.table("Packets of QCVN 125:2021/BTTTT", ("number", "id", "title", "namespace"), rows)


@app.command("schemas")
def schemas(folder: Annotated[Path, typer.Argument(help="Where they go.", file_okay=False)]) -> None:
    """Write the schemas (XSD) of all kinds into a folder, for whoever builds or reads packets elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(
        (item for item in (files("shared.packets") / "schemas").iterdir() if item.name.endswith(".xsd")),
        key=lambda item: item.name,
    )
    for item in found:
        (folder / item.name).write_bytes(item.read_bytes())
    show.say(f"{len(found)} schemas in {folder}")


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A packet as XML.", exists=True, dir_okay=False)],
    certificate: Annotated[
        Path | None,
        typer.Option(help="The sender's certificate (PEM): the signature must hold under it.", exists=True),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(help="Authorities (PEM) of which one must have issued the signer's certificate.", exists=True),
    ] = None,
    holder: Annotated[str, typer.Option(help="With --authority: who must have signed (CN=…,O=…,C=VN).")] = "",
    revocations: Annotated[
        list[Path] | None, typer.Option(help="Lists of revoked certificates (CRL, PEM or DER).", exists=True)
    ] = None,
    json_: show.AsJson = False,
) -> None:
    """Tell which of the thirteen a file is and all that is wrong with it; end with 1 if anything is."""
    from shared.packets import checking, trust  # XML and its signatures are for this command alone

    with show.plain_errors():
        wanted = None
        if certificate is not None or authority is not None:
            wanted = trust.read(certificate, authority, holder, revocations or [])
        found = checking.check(file.read_bytes(), wanted)
    told = {
        "kind": found.kind.id,
        "number": found.kind.number,
        "signed": found.signed,
        "holds": found.holds,
        "valid": not found.findings,
        "findings": [asdict(finding) for finding in found.findings],
    }
    if json_:
        show.as_json(told)
    else:
        rows = [(finding.line or None, finding.place, finding.message, finding.detail) for finding in found.findings]
        if rows:
            show.table("What is wrong", ("line", "element", "message", "chi tiết"), rows)
        signature = {True: "signature holds", False: "signature does not hold", None: "signature not verified"}
        show.say(
            f"({found.kind.number}) {found.kind.id}, {found.kind.title}: {'invalid' if rows else 'valid'}, "
            + (signature[found.holds] if found.signed else "not signed")
        )
    if found.findings:
        raise typer.Exit(show.FAILED)
