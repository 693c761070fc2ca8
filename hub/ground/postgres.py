"""Which PostgreSQL the hub uses: the one named by HUB_POSTGRES_URL, else a private one from the wheel."""

from __future__ import annotations

from hub.ground.state import Say, State
from hub.settings import HubSettings
from shared.servers.postgres import EmbeddedPostgres


def ensure_postgres(settings: HubSettings, state: State, say: Say) -> None:
    """See that PostgreSQL runs and note its URL. Raises ServerFailed with the end of its log."""
    if settings.postgres_url:
        state.postgres_url, state.postgres = settings.postgres_url, "given"
        say("PostgreSQL: the server named by HUB_POSTGRES_URL")
        return
    server = EmbeddedPostgres(settings.var / "postgres")
    state.postgres_url, state.postgres = server.start().url, "private"
    say(f"PostgreSQL: a private server on port {server.port}, data in {server.data}")


def stop_postgres(settings: HubSettings, state: State) -> None:
    """Stop the private server; a given one is left alone."""
    if state.postgres == "private":
        EmbeddedPostgres(settings.var / "postgres").stop()


def remove_postgres(settings: HubSettings) -> None:
    """Stop the private server and remove its data."""
    if (settings.var / "postgres").exists():
        EmbeddedPostgres(settings.var / "postgres").destroy()
