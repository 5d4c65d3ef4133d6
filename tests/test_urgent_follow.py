"""What a run's files say, in order, on a screen: half lines, further attempts, another winner, lost words."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ihpc_jupyter.client.events import Aside, Tail, log_tails, result_line, spoken
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.kernel.urgent.files import Travelled, get_files, put_files, readable
from ihpc_jupyter.kernel.urgent.follow import Feed, follow
from ihpc_jupyter.kernel.urgent.kept import THIS_KERNEL, Kept
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Attempt, RunState, RunView, WayKind
from tests.test_urgent_stage import view


class Paper:
    """A screen that keeps what it was told."""

    revisable = False

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def stage(self, view: RunView, trouble: str = "", *, last: bool = False) -> None:
        self.said.append(("stage", view.state))

    def show(self, event: dict[str, Any]) -> None:
        self.said.append((event["is"], event["data"]))

    def write(self, name: str, text: str) -> None:
        self.said.append((name, text))

    def table(self, text: str, page: str) -> None:
        self.said.append(("table", text))

    @property
    def text(self) -> str:
        return "".join(text for name, text in self.said if name in {"stdout", "stderr"})


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


def say(mailbox: Mailbox, attempt: int, copy: int, *events: dict[str, Any]) -> None:
    with mailbox.events(attempt, copy).open("a") as file:
        file.writelines(json.dumps({"at": 1.0, **event}) + "\n" for event in events)


def said(text: str) -> dict[str, Any]:
    return {"is": "stream", "name": "stdout", "text": text}


def test_ranks_speak_in_whole_lines_with_their_numbers(mailbox: Mailbox) -> None:
    paper = Paper()
    feed = Feed(mailbox, paper, tasks=3)
    say(mailbox, 1, 0, said("first\n"))
    say(mailbox, 1, 1, said("one "), said("line\nhalf"))
    say(mailbox, 1, 2, {"is": "stream", "name": "stderr", "text": "oh\n"}, {"is": "display", "data": {}})
    feed.look(tried(1))
    assert paper.said == [("stdout", "first\n"), ("stdout", "1: one line\n"), ("stderr", "2: oh\n")]
    say(mailbox, 1, 0, {"is": "ended"})
    feed.finish(1, 0)
    assert paper.said[3:] == [("stdout", "1: half\n")]


def tried(*numbers: int) -> RunView:
    attempts = tuple(
        Attempt(
            number=n, way=WayKind.ALLOCATION, name=str(n), submitted_at=0, outcome="lost", detail="node n3 died"
        )
        for n in numbers
    )
    return view(RunState.RUNNING, attempts=attempts)


def test_half_a_line_waits_for_its_other_half(mailbox: Mailbox) -> None:
    tail = Tail(mailbox.events(1, 0))
    assert tail.look() == []
    with mailbox.events(1, 0).open("ab") as file:
        whole = '{"is": "stream", "text": "grün"}\n'.encode()
        file.write(b"no json\n[1]\n" + whole[:-6])
        file.flush()
        assert tail.look() == []
        file.write(whole[-6:])
        file.flush()
        assert [event["text"] for event in tail.look()] == ["grün"]
        assert tail.look() == []


def test_events_come_in_order(mailbox: Mailbox) -> None:
    paper = Paper()
    feed = Feed(mailbox, paper)
    say(mailbox, 1, 0, {"is": "started"}, {"is": "running"}, said("a"), {"is": "display", "data": {"x": 1}})
    feed.look(tried(1))
    say(mailbox, 1, 0, said("b"), {"is": "value", "data": {"y": 2}}, {"is": "ended", "ok": True})
    feed.finish(1, 0)
    assert paper.said == [("stdout", "a"), ("display", {"x": 1}), ("stdout", "b"), ("value", {"y": 2})]
    assert set(feed.reached) == {RunState.STARTED, RunState.RUNNING}


def test_a_lost_attempt_is_told_and_the_next_begins_anew(mailbox: Mailbox) -> None:
    paper = Paper()
    feed = Feed(mailbox, paper)
    say(mailbox, 1, 0, said("first\n"))
    mailbox.log(1, 0).write_text("Bus error\n")
    feed.look(tried(1))
    say(mailbox, 1, 0, said("late word\n"))
    say(mailbox, 2, 0, said("again\n"))
    feed.look(tried(1, 2))
    assert paper.text == (
        "first\nlate word\nAttempt 1 brought nothing (node n3 died); attempt 2 begins anew.\n"
        "The log of attempt 1 ends with:\nBus error\nagain\n"
    )


def test_another_copy_wins(mailbox: Mailbox) -> None:
    paper = Paper()
    feed = Feed(mailbox, paper)
    say(mailbox, 1, 0, said("copy 0\n"))
    say(mailbox, 1, 1, said("copy 1\n"), {"is": "ended", "ok": True})
    feed.look(tried(1))
    feed.finish(1, 1)
    assert paper.text == "copy 0\nCopy 1 of attempt 1 was first. What it said:\ncopy 1\n"


def test_who_attaches_after_the_end_hears_the_winner_alone(mailbox: Mailbox) -> None:
    paper = Paper()
    say(mailbox, 2, 1, said("the winner\n"), {"is": "ended", "ok": True})
    Feed(mailbox, paper).finish(2, 1)
    assert paper.text == "the winner\n"
    assert spoken(mailbox, 2, 1) == "the winner\n"


def test_without_a_result_the_log_may_say_why(mailbox: Mailbox) -> None:
    paper = Paper()
    mailbox.command(1).write_text("error: Invalid account\n")
    refused = tried(1).attempts[0].model_copy(update={"outcome": "refused"})
    Feed(mailbox, paper).unanswered(tried(1).model_copy(update={"attempts": (refused,)}))
    assert paper.text == "", "the refusal says it"
    Feed(mailbox, paper).unanswered(tried(1))
    assert "error: Invalid account" in paper.text
    mailbox.log(1, 0).write_bytes(b"x" * 10_000 + b"\xff the end")
    assert len(log_tails(mailbox, 1, 0)) < 5000
    assert log_tails(mailbox, 1, 0).endswith("the end")


def test_what_programs_write_shows_once_and_from_where_the_code_began(mailbox: Mailbox) -> None:
    paper = Paper()
    feed = Feed(mailbox, paper)
    mailbox.log(1, 0).write_text("Loading modules\n")
    say(mailbox, 1, 0, {"is": "started"}, {"is": "running", "log": 16}, said("from Python\n"))
    with mailbox.log(1, 0).open("a") as file:
        file.write("from a program\n")
    feed.look(tried(1))
    assert paper.text == "from Python\nfrom a program\n"
    with mailbox.log(1, 0).open("a") as file:
        file.write("Bus error\n")
    say(mailbox, 2, 0, {"is": "running", "log": 0}, {"is": "ended"})
    feed.look(tried(1, 2))
    mailbox.log(2, 0).write_bytes("grün".encode()[:-2])
    feed.finish(2, 0)
    assert paper.text == (
        "from Python\nfrom a program\nAttempt 1 brought nothing (node n3 died); attempt 2 begins anew.\n"
        "The log of attempt 1 ends with:\nBus error\ngr�"
    )


def test_half_a_letter_waits_and_much_is_cut_at_the_end(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    aside, log = Aside(mailbox.log(1, 0), 0), mailbox.log(1, 0)
    assert aside.look(last=True) == "", "there is none yet"
    log.write_bytes("grü".encode()[:-1])
    aside = Aside(log, 0)
    assert aside.look() == "gr"
    log.write_bytes("grün".encode())
    assert aside.look() == "", "looked at a moment ago"
    assert aside.look(last=True) == "ün"
    monkeypatch.setattr("ihpc_jupyter.client.events.LOG_PIECE", 3)
    assert Aside(log, 0).look() == "gr"
    assert str(log) in Aside(log, 0).look(last=True)


def test_a_result_that_is_here_is_believed_before_the_agent_has_seen_it(mailbox: Mailbox) -> None:
    mailbox.result.write_text('{"ok": true, "attempt": 1, "copy": 0}\n')
    run = Run(tried(1).model_copy(update={"mailbox": str(mailbox.path)}))
    assert run.seen.state is RunState.SUCCEEDED
    assert run.seen.stages["succeeded"] == pytest.approx(time.time(), abs=5)
    assert not run.cancelled()
    mailbox.result.write_text('{"ok": false, "attempt": 1, "copy": 0}\n')
    assert Run(tried(1).model_copy(update={"mailbox": str(mailbox.path)})).seen.state is RunState.FAILED
    missed = Run(view(RunState.MISSED, mailbox=str(mailbox.path)))
    assert missed.seen.state is RunState.MISSED, "of a late result the agent has the word"


def test_an_attempt_that_answers_at_once_does_not_hide_that_the_one_before_it_was_lost(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(mailbox, 2, 0, said("again\n"), {"is": "ended", "ok": True})
    mailbox.result.write_text('{"ok": true, "attempt": 2, "copy": 0}\n')
    monkeypatch.setattr(Run, "asked_now", lambda _: tried(1, 2))
    paper = Paper()
    follow(Run(tried(1).model_copy(update={"mailbox": str(mailbox.path)})), paper)
    assert paper.text == "Attempt 1 brought nothing (node n3 died); attempt 2 begins anew.\nagain\n"


def test_a_results_first_line(mailbox: Mailbox) -> None:
    assert result_line(mailbox) is None
    mailbox.result.write_bytes(b'{"ok": true, "attempt": 1, "copy": 0}\n\x80\x05')
    assert result_line(mailbox) == {"ok": True, "attempt": 1, "copy": 0}
    mailbox.result.write_bytes(b"\x80\x05")
    assert result_line(mailbox) is None


def test_what_is_kept_for_who_attaches(mailbox: Mailbox) -> None:
    assert Kept.read(mailbox) == Kept(), "a run from another door"
    kept = Kept(fingerprints={"a": 17, "b": 18}, kernel=THIS_KERNEL, get=("*.png",), workers="run-1")
    kept.write(mailbox)
    assert Kept.read(mailbox) == kept
    assert kept.expected({"a"}) == {"a": 17, "b": 0}, "a name that is gone is in nobody's way"
    later = kept.model_copy(update={"kernel": "before the restart"})
    assert later.expected({"a"})["a"] not in {0, 17}, "whatever is bound now was bound anew"


def test_files_travel_there_and_back(mailbox: Mailbox, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "data" / "deep").mkdir(parents=True)
    (home / "data" / "deep" / "in.txt").write_text("12345")
    (tmp_path / "far.txt").write_text("far")
    files = readable(["data", "../far.txt"], home)
    assert [place.as_posix() for _, place in files] == ["data/deep/in.txt", "far.txt"]
    put = put_files(mailbox, files)
    assert (put, str(put)) == (Travelled(2, 8), "2 files, 8 B")
    (mailbox.files / "data" / "out.txt").write_text("new")
    (mailbox.files / "leak").symlink_to("/etc/passwd")
    assert get_files(mailbox, ["data/**/*", "leak"], home) == Travelled(1, 3), "what is there already stays"
    assert (home / "data" / "out.txt").read_text() == "new"
    assert not (home / "leak").exists()


def test_files_that_cannot_go_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="--put x"):
        readable(["x"], tmp_path)
    (tmp_path / "x").symlink_to(tmp_path / "gone")
    with pytest.raises(InvalidRequest, match="--put x"):
        readable(["x"], tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "same").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "same").touch()
    with pytest.raises(InvalidRequest, match="twice"):
        readable(["../a/same", "../b/same"], tmp_path / "home")
