"""Asking a source system for a page. What it says is read elsewhere; here it either answers or is named why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.integration.clients import Recorder, read_secret
from services.integration.clients.mapped import Speaker, speaker_on
from services.integration.clients.transport import Lost, Unreached, open_road
from services.integration.domain.dialects import Heard, Unsayable
from services.integration.domain.dialects.pointers import MISSING
from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import Source
from services.integration.domain.pulls import Ask, bad_page, call_of
from services.integration.settings import IntegrationSettings
from shared.errors import Invalid, Unavailable

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A longer page is not taken: pages are to be made smaller."""

_OURS = ("Client", "Sender")
"""Codes of SOAP faults that blame the request: the same one would fare no better."""

_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))


class SourceAway(Unavailable):
    """The source did not answer as it should, and may later; `retry_after` is its own wish, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__("integration.source_away", message[:500], "Hệ thống nguồn chưa trả lời.")
        self.retry_after = retry_after


class SourceClient:
    """A source, to which `speaker` speaks; not shared between green threads."""

    def __init__(self, source: Source[Any], speaker: Speaker) -> None:
        self._source = source
        self._speaker = speaker

    def fetch(self, ask: Ask) -> Heard:
        """Return the page, its document read. Raises SourceAway when asking again later may help, and when it cannot
        Invalid("integration.source_refuses", "integration.page_too_long", "integration.bad_page")."""
        call, names = call_of(self._source, ask)
        try:
            heard = self._speaker.say(call, names)
        except (Unreached, Lost) as error:
            raise SourceAway(str(error)) from error
        except Unsayable as error:
            raise _refuses(f"cannot be asked so: {error}") from error
        if heard.fault is not None:
            story = f"fault {heard.fault.code}: {heard.fault.text}"[:400].replace("\x00", "")
            if heard.fault.code.partition(".")[0] in _OURS:
                raise _refuses(story)
            raise SourceAway(story, heard.retry_after)
        if heard.status == 200:
            if heard.size > MAX_PAGE_BYTES:
                story = f"a page has {heard.size} bytes; {MAX_PAGE_BYTES} are taken"
                raise Invalid("integration.page_too_long", story, "Trang dữ liệu của nguồn quá lớn.")
            if heard.document is MISSING:
                raise bad_page(heard.trouble or "no document")
            return heard
        story = f"answered {heard.status}: {heard.beginning}".replace("\x00", "")
        if heard.status in _LATER:
            raise SourceAway(story, heard.retry_after)
        raise _refuses(story)

    def close(self) -> None:
        """Give connections back."""
        self._speaker.close()


def open_source(
    partner: Partner, source: Source[Any], settings: IntegrationSettings, recorder: Recorder
) -> SourceClient:
    """Return a client of this source whose calls `recorder` notes. Raises what `read_secret` and `open_road` do, and
    where it speaks SOAP Invalid("integration.bad_contract")."""
    token = read_secret(settings, partner)
    recorder.hide(token)
    patient = replace(settings, timeout_seconds=settings.pull_timeout_seconds)
    return SourceClient(
        source, speaker_on(open_road(partner, patient, recorder), partner, source.manner, token, patient)
    )


def _refuses(story: str) -> Invalid:
    return Invalid("integration.source_refuses", story, "Hệ thống nguồn từ chối yêu cầu.")
