"""Comments on warnings of drafts as rows."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from services.submissions.storage.tables import comments
from shared.contracts.views.submissions import CommentView


def read(connection: Connection, number: int) -> list[CommentView]:
    """Return all comments on this submission's drafts, also those whose figures have changed since."""
    c = comments.c
    found = select(c.code, c.indicator, c.about, c.text, c.by, c.at).where(c.submission == number).order_by(*_KEY)
    rows = connection.execute(found).mappings()
    return [CommentView(**{**row, "indicator": row["indicator"] or None}) for row in rows]


def save(connection: Connection, number: int, comment: CommentView) -> None:
    """Write a comment in place of the one on the same finding and figures, if there is one."""
    key = {"submission": number, "code": comment.code, "indicator": comment.indicator or "", "about": comment.about}
    said = {"text": comment.text, "by": comment.by, "at": comment.at}
    statement = insert(comments).values(**key, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=said))


_KEY = (comments.c.code, comments.c.indicator, comments.c.about)
