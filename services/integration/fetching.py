"""Fetch a partner's WSDL once, by an operator's word, into the hub's folder of contracts.

Run as `python -m services.integration.fetching URL NAME`. What the WSDL imports comes along, from the same host only,
and is named anew beside it; the hub never fetches anything while it calls. Nothing is stored unless all can be read.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import ssl
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from lxml import etree

from services.integration.clients.contracts import MAX_BYTES, described
from services.integration.settings import integration_settings
from shared.errors import HubError, Invalid, Unavailable

MAX_DOCUMENTS = 30
_NAME = re.compile(r"[\w-][\w.-]*\.wsdl")


def fetch(url: str, name: str, folder: Path, load: Callable[[str], bytes]) -> list[Path]:
    """Store the WSDL at `url` as `name`, with what it imports, and return the files; `load` reads one address.

    Raises Invalid("integration.bad_contract"), Unavailable("integration.contract_unreachable").
    """
    if not _NAME.fullmatch(name):
        raise _bad(name, "a contract's file is called something.wsdl")
    host, stem = urlsplit(url)[:2], name.removesuffix(".wsdl")
    names = {url: name}
    documents: dict[str, bytes] = {}
    while waiting := [address for address in names if address not in documents]:
        address = waiting[0]
        root = _parsed(load(address), address)
        for element in root.iter("{*}import", "{*}include", "{*}redefine"):
            for attribute in ("location", "schemaLocation"):
                if (place := element.get(attribute)) is None:
                    continue
                target = urljoin(address, place)
                if urlsplit(target)[:2] != host:
                    raise _bad(name, f"it imports {target}, from another host: ask the partner for all its files")
                names.setdefault(target, f"{stem}-{len(names)}.xsd")
                element.set(attribute, names[target])
        if len(names) > MAX_DOCUMENTS:
            raise _bad(name, f"it imports more than {MAX_DOCUMENTS} documents")
        documents[address] = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return _stored({names[address]: body for address, body in documents.items()}, name, folder)


def _stored(files: dict[str, bytes], name: str, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetched-") as apart:
        for file, body in files.items():
            (Path(apart) / file).write_bytes(body)
        described(Path(apart), name)
        # The WSDL last: it is never there without what it imports.
        for file in sorted(files, key=lambda file: file == name):
            (Path(apart) / file).replace(folder / file)
    return [folder / file for file in files]


def _parsed(raw: bytes, address: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root: Any = etree.fromstring(raw, parser)
    except etree.Error as error:
        raise _bad(address, str(error)) from error
    if root.getroottree().docinfo.doctype:
        raise _bad(address, "it declares a document type")
    return root


def _bad(name: str, reason: str) -> Invalid:
    return Invalid("integration.bad_contract", f"{name}: {reason}", "Không đọc được tệp WSDL của hệ thống nhận.")


def over_http(authority: Path | None = None, timeout: float = 20.0) -> Callable[[str], bytes]:
    """Return what reads one address: no redirections, no proxies of the environment, at most MAX_BYTES."""
    context = ssl.create_default_context(cafile=authority)

    def load(address: str) -> bytes:
        raw = bytearray()
        try:
            with httpx.stream("GET", address, timeout=timeout, trust_env=False, verify=context) as response:
                if response.status_code != 200:
                    raise _bad(address, f"answered {response.status_code}")
                for part in response.iter_bytes():
                    raw += part
                    if len(raw) > MAX_BYTES:
                        raise _bad(address, f"longer than {MAX_BYTES} bytes")
        except httpx.HTTPError as error:
            raise Unavailable(
                "integration.contract_unreachable", f"{address}: {error}", "Không kết nối được tới hệ thống nhận."
            ) from error
        return bytes(raw)

    return load


def main() -> None:
    """Run the step on this process's settings."""
    parser = argparse.ArgumentParser(prog="python -m services.integration.fetching", description=__doc__)
    parser.add_argument("url", help="where the partner shows its WSDL, such as https://…/service?wsdl")
    parser.add_argument("name", help="what dialects call it, such as so-y-te.wsdl")
    parser.add_argument("--authority", type=Path, help="certificate of the authority that signed the partner's")
    wanted = parser.parse_args()
    folder = integration_settings().contracts
    try:
        files = fetch(wanted.url, wanted.name, folder, over_http(wanted.authority))
        lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file}" for file in files]
        sys.stdout.write("\n".join([*lines, *described(folder, wanted.name)]) + "\n")
    except HubError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
