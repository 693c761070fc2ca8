"""Asking a source system for a page. What it says is read elsewhere; here it either answers or is named why not."""

from __future__ import annotations

from dataclasses import replace

from services.integration.clients import Recorder, read_secret
from services.integration.clients.rest import retry_after
from services.integration.clients.transport import Lost, Road, Unreached, open_road
from services.integration.domain.partners import Partner
from services.integration.domain.pulls import Ask
from services.integration.settings import IntegrationSettings
from shared.errors import Invalid, Unavailable

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A longer page is not taken: pages are to be made smaller."""

_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))


class SourceAway(Unavailable):
    """The source did not answer as it should, and may later; `retry_after` is its own wish, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__("integration.source_away", message[:500], "Hệ thống nguồn chưa trả lời.")
        self.retry_after = retry_after


class SourceClient:
    """A source at the end of this road, which knows us by `token`; not shared between green threads."""

    def __init__(self, road: Road, token: str) -> None:
        self._road = road
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def fetch(self, ask: Ask) -> bytes:
        """Return the page as it came. Raises SourceAway when asking again later may help,
        Invalid("integration.source_refuses") and Invalid("integration.page_too_long") when it cannot."""
        try:
            reply = self._road.send("GET", ask.path, headers=self._headers, params=ask.parameters)
        except (Unreached, Lost) as error:
            raise SourceAway(str(error)) from error
        if reply.status == 200:
            if len(reply.body) > MAX_PAGE_BYTES:
                story = f"a page has {len(reply.body)} bytes; {MAX_PAGE_BYTES} are taken"
                raise Invalid("integration.page_too_long", story, "Trang dữ liệu của nguồn quá lớn.")
            return reply.body
        story = f"answered {reply.status}: {reply.body[:300].decode(errors='replace')}".replace("\x00", "")
        if reply.status in _LATER:
            raise SourceAway(story, retry_after(reply.headers.get("retry-after")))
        raise Invalid("integration.source_refuses", story, "Hệ thống nguồn từ chối yêu cầu.")

    def close(self) -> None:
        """Give connections back."""
        self._road.close()


def open_source(partner: Partner, settings: IntegrationSettings, recorder: Recorder) -> SourceClient:
    """Return a client of this source whose calls `recorder` notes. Raises what `read_secret` and `open_road` do."""
    token = read_secret(settings, partner)
    recorder.hide(token)
    patient = replace(settings, timeout_seconds=settings.pull_timeout_seconds)
    return SourceClient(open_road(partner, patient, recorder), token)
