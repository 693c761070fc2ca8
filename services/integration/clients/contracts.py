"""Partners' WSDL files: read from the hub's own folder, never from the network while calling.

Imports of other files must lie in the same folder. A document that declares a type or entities, is longer than
MAX_BYTES, or reaches outside is refused.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.transports import Transport

from services.integration.domain.dialects import Contract
from shared.errors import Invalid

MAX_BYTES = 4 * 1024 * 1024


class _Folder(Transport):
    """Loads files of one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # zeep
        self._folder = folder

    def load(self, url: str) -> bytes:
        """Called by zeep for the WSDL and what it imports."""
        file = Path(url).resolve()
        if "://" in url or not file.is_relative_to(self._folder):
            raise ValueError(f"{url} lies outside the folder of contracts")
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"{file.name} is longer than {MAX_BYTES} bytes")
        return file.read_bytes()


def settings(**more: Any) -> Any:
    """Return zeep's settings: strict, no declarations, no entities, nothing external."""
    return zeep.Settings(
        strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False, **more
    )


def contract_of(folder: Path, contract: Contract) -> tuple[Any, Any]:
    """Return the parsed WSDL and the binding in it that the contract names.

    Raises Invalid("integration.bad_contract") if there is no such file, or it is no WSDL with that service and port.
    """
    document = _read(folder, contract.wsdl)
    try:
        return document, _binding(document, contract)
    except LookupError as error:
        raise _bad(contract.wsdl, error) from error


def _read(folder: Path, name: str) -> Any:
    file = folder.resolve() / name
    try:
        return _parsed(file, file.stat().st_mtime_ns)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ZeepError, etree.Error) as error:
        raise _bad(name, error) from error


def _bad(name: str, error: Exception) -> Invalid:
    return Invalid("integration.bad_contract", f"{name}: {error}", "Không đọc được tệp WSDL của hệ thống nhận.")


def operations_of(binding: Any) -> list[str]:
    """Return the names of a binding's operations."""
    return sorted(binding.all())


def described(folder: Path, name: str) -> list[str]:
    """Return what a WSDL offers, a line for each port. Raises Invalid("integration.bad_contract")."""
    document = _read(folder, name)
    return [
        f"service {service}, port {port}: {', '.join(operations_of(offered.binding))}"
        for service, found in document.services.items()
        for port, offered in found.ports.items()
    ]


def _binding(document: Any, contract: Contract) -> Any:
    services = document.services
    if contract.service is None and len(services) != 1:
        raise LookupError(f"it has the services {', '.join(sorted(services))}: say which")
    service = services[contract.service] if contract.service is not None else next(iter(services.values()))
    ports = service.ports
    if contract.port is not None:
        return ports[contract.port].binding
    if len(ports) != 1:
        raise LookupError(f"it has the ports {', '.join(sorted(ports))}: say which")
    return next(iter(ports.values())).binding


@lru_cache(maxsize=32)
def _parsed(file: Path, _changed_at: int) -> Any:
    """Return the parsed WSDL: it takes some 50 ms, and is the same until the file changes."""
    wsdl = zeep.Client(str(file), transport=_Folder(file.parent), settings=settings()).wsdl  # type: ignore[no-untyped-call]  # zeep
    if not any(service.ports for service in wsdl.services.values()):
        raise LookupError("it describes no service with a SOAP port")
    return wsdl
