"""The algebra of digests, and that no two different entries are hashed alike."""

from __future__ import annotations

import random
import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.digest import Digest, entry_hash, of_hash, total

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
ENTRIES = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, st.none() | TEXTS, TEXTS)
Entry = tuple[str, str, str, str, str | None, str]


def digest(entries: list[Entry]) -> Digest:
    return total(of_hash(entry_hash(*entry)) for entry in entries)


def normal(entry: Entry) -> Entry:
    form, unit, period, indicator, value, status = (
        None if field is None else unicodedata.normalize("NFC", field) for field in entry
    )
    return str(form), str(unit), str(period), str(indicator), value, str(status)


@given(st.lists(ENTRIES, max_size=20), st.integers())
def test_order_does_not_matter(entries: list[Entry], seed: int) -> None:
    shuffled = list(entries)
    random.Random(seed).shuffle(shuffled)
    assert digest(shuffled) == digest(entries)


@given(st.lists(ENTRIES, max_size=10), ENTRIES)
def test_removing_undoes_adding(entries: list[Entry], entry: Entry) -> None:
    alone = of_hash(entry_hash(*entry))
    assert digest([*entries, entry]) - alone == digest(entries)


@given(st.lists(ENTRIES, max_size=10), ENTRIES, ENTRIES)
def test_correcting_equals_building_anew(entries: list[Entry], wrong: Entry, right: Entry) -> None:
    corrected = digest([*entries, wrong]) - of_hash(entry_hash(*wrong)) + of_hash(entry_hash(*right))
    assert corrected == digest([*entries, right])


@given(st.lists(st.lists(ENTRIES, max_size=6), max_size=5))
def test_a_digest_of_buckets_is_the_digest_of_all(buckets: list[list[Entry]]) -> None:
    assert total(digest(bucket) for bucket in buckets) == digest([entry for bucket in buckets for entry in bucket])


@given(st.lists(ENTRIES, max_size=6))
def test_a_digest_reads_back_what_it_writes(entries: list[Entry]) -> None:
    made = digest(entries)
    assert Digest.parse(made.count, made.text) == made


@given(ENTRIES, ENTRIES)
def test_different_entries_have_different_hashes(one: Entry, other: Entry) -> None:
    assume(normal(one) != normal(other))
    assert entry_hash(*one) != entry_hash(*other)


@given(TEXTS, TEXTS, TEXTS)
def test_no_concatenation_makes_two_entries_equal(a: str, b: str, c: str) -> None:
    assume(c != "")
    moved = entry_hash(a, b + c, "2016", "GD01.TH", "1", "official")
    assert entry_hash(a + b, c, "2016", "GD01.TH", "1", "official") != moved or a + b == a


@given(ENTRIES)
def test_spelling_of_the_same_text_does_not_matter(entry: Entry) -> None:
    decomposed = tuple(None if field is None else unicodedata.normalize("NFD", field) for field in entry)
    composed = normal(entry)
    assert entry_hash(*decomposed) == entry_hash(*composed)  # type: ignore[arg-type]  # the tuple keeps its shape


def test_nothing_occurred_is_not_zero_nor_empty() -> None:
    key = ("GD-NAM", "LC", "2016", "GD01.TH")
    hashes = {entry_hash(*key, value, "official") for value in (None, "0", "")}
    assert len(hashes) == 3
