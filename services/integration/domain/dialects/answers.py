"""What a partner's answer means: from HTTP status, words and faults to what is known of its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from services.integration.domain.delivery import Answer, Said
from services.integration.domain.dialects.pointers import MISSING, at, is_pointer, spelled

Meaning = Literal["applied", "already_applied", "superseded", "refused", "not_applied", "unclear", "unknown"]
"""`not_applied`: nothing was applied, trying again later may help. `unknown`, of a question: it never received it."""

_SAID = {
    "applied": Said.APPLIED,
    "already_applied": Said.APPLIED,
    "superseded": Said.SUPERSEDED,
    "refused": Said.REFUSED,
    "not_applied": Said.NOT_APPLIED,
    "unclear": Said.UNCLEAR,
    "unknown": Said.UNKNOWN,
}


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where in an answer its outcome stands. `http`: what statuses mean, or "read": look into the body (so a 200 is
    read, unless there is no `state`). `state` points at the outcome's word, `words` says what words mean. `about`
    points at the message id or key that the answer is about, `named` says which of ours that is. `reason` points at
    the story for a person. `faults`: what codes of SOAP faults mean, `code` points at a code in a fault's detail that
    goes before the fault's own."""

    state: str | None = None
    words: dict[str, Meaning] = {}
    http: dict[str, Literal[Meaning, "read"]] = {}
    about: str | None = None
    named: str = "message_id"
    reason: str | None = None
    faults: dict[str, Meaning] = {}
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault: its code without a prefix, its text, its detail as a document."""

    code: str
    text: str
    detail: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer as it came: HTTP status, the document in it (MISSING: none that can be read, and `trouble` says why),
    a fault instead, the partner's wish when to come back (seconds), its beginning as text, the hash and length in bytes
    of its body, and where the next page is by the header Link."""

    status: int
    document: Any = MISSING
    trouble: str | None = None
    fault: Fault | None = None
    retry_after: float | None = None
    beginning: str = ""
    body_hash: bytes = b""
    size: int = 0
    link: str | None = None


def faults(reading: Reading, names: frozenset[str], place: str, *, asking: bool) -> list[str]:
    """Return what is wrong with a reading, each with its place."""
    found = [
        f"{place}.{field}: {pointer!r} is no JSON pointer"
        for field, pointer in {
            "state": reading.state,
            "about": reading.about,
            "reason": reading.reason,
            "code": reading.code,
        }.items()
        if pointer is not None and not is_pointer(pointer)
    ]
    found += [
        f"{place}.http: {status!r} is no HTTP status"
        for status in reading.http
        if not (len(status) == 3 and status.isdecimal() and "100" <= status <= "599")
    ]
    if reading.state is None and ("read" in reading.http.values() or reading.words):
        found.append(f"{place}.state: missing, though there is something to be read")
    if reading.state is not None and not reading.words:
        found.append(f"{place}.words: missing: what does {reading.state!r} say?")
    if reading.named not in names:
        found.append(f"{place}.named: there is no {reading.named!r} here, only {', '.join(sorted(names))}")
    meanings = {*reading.words.values(), *reading.http.values(), *reading.faults.values()}
    if not asking and "unknown" in meanings:
        found.append(f"{place}: unknown is what a status question tells, not a hand-over")
    return found


def judged(reading: Reading, heard: Heard, names: Mapping[str, Any]) -> Answer | None:
    """Return what an answer tells; None if its HTTP status is not described and means what it means everywhere."""
    if heard.fault is not None:
        return _of_fault(reading, heard.fault, heard.retry_after)
    meaning = reading.http.get(str(heard.status))
    if meaning is None and 200 <= heard.status < 300:
        meaning = "applied" if reading.state is None else "read"
    return None if meaning is None else _of_document(reading, heard, meaning, names)


def _of_document(reading: Reading, heard: Heard, meaning: str, names: Mapping[str, Any]) -> Answer:
    if meaning != "read" and reading.about is None:
        return _answer(meaning, _story(reading, heard, meaning), heard.retry_after)
    if heard.document is MISSING:
        return Answer(Said.UNCLEAR, f"malformed answer: {heard.trouble or 'no document'}")
    if reading.about is not None:
        about, ours = spelled(at(heard.document, reading.about)), str(names[reading.named])
        if about != ours:
            return Answer(Said.UNCLEAR, f"the answer is about {about}, not {ours}")
    word = spelled(at(heard.document, reading.state or ""))
    if meaning == "read":
        if word not in reading.words:
            return Answer(Said.UNCLEAR, f"answered {word!r}, which is described nowhere: {heard.beginning}")
        meaning = reading.words[word]
    return _answer(meaning, _story(reading, heard, word or meaning), heard.retry_after)


def _of_fault(reading: Reading, fault: Fault, retry_after: float | None) -> Answer:
    told = None if reading.code is None else spelled(at(fault.detail, reading.code))
    story = f"fault {told or fault.code}: {fault.text}"
    for code in (told, fault.code, fault.code.rpartition(".")[2]):
        if code is not None and code in reading.faults:
            return _answer(reading.faults[code], story, retry_after)
    # A partner that faults has said no; whether for the content or for its own state only it knows.
    return Answer(Said.UNCLEAR, f"{story} (a fault that is described nowhere)")


def _answer(meaning: str, story: str, retry_after: float | None) -> Answer:
    said = _SAID[meaning]
    quiet = said in (Said.APPLIED, Said.SUPERSEDED, Said.UNKNOWN)
    return Answer(said, None if quiet else story, retry_after)


def _story(reading: Reading, heard: Heard, word: str) -> str:
    reason = None if reading.reason is None else spelled(at(heard.document, reading.reason))
    return f"answered {heard.status} {word}: {reason or heard.beginning}".rstrip(": ")
