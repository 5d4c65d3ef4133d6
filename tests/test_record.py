"""What is kept of a cluster stays small."""

from ihpc_jupyter.cluster.record import EARLIER, MAX_ACCOUNTED, MAX_NOTES, settled
from ihpc_jupyter.model.cluster import Note
from tests.records import record


def test_the_account_is_bounded_and_loses_nothing() -> None:
    spent = {f"7_{number}": 1.0 for number in range(MAX_ACCOUNTED * 3)}
    present = {"7_0", "7_1"}
    short = settled(spent, present)
    assert sum(short.values()) == sum(spent.values())
    assert set(short) == {"7_0", "7_1", EARLIER}
    assert settled({**short, "8_0": 2.0}, present) == {**short, "8_0": 2.0}


def test_a_short_account_is_left_alone() -> None:
    spent = {"7_0": 1.0, "7_1": 2.0}
    assert settled(spent, set()) == spent


def test_the_diary_keeps_its_last_lines() -> None:
    made = record()
    for number in range(MAX_NOTES * 2):
        made = made.noted(Note(at=float(number), text=str(number)))
    assert [note.text for note in made.notes][-1] == str(MAX_NOTES * 2 - 1)
    assert len(made.notes) == MAX_NOTES
