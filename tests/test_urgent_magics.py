"""`%%urgent` in a real kernel, with a real agent and the embedded site."""

import csv
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ihpc_jupyter.model.protocol import About, Report
from ihpc_jupyter.model.run import RunState
from tests.lab_slurm import Workplace, workplace
from tests.notebook import Notebook, notebook
from tests.workplaces import agent, ihpc, latest, runs
from tests.world import Stopwatch, until


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    """A home with the embedded site."""
    with workplace() as made:
        yield made


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook lies."""
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def book(place: Workplace, directory: Path) -> Iterator[Notebook]:
    """A notebook with the magics."""
    with notebook(place.environment, directory) as made:
        yield made


def test_names_go_and_come_back_and_output_shows(place: Workplace, book: Notebook) -> None:
    book.cell("x = 20\nresults = []\ndef twice(v): return 2 * v")
    shown = book.cell("%%urgent 60s --reason 'a test'\nprint('hello')\ny = twice(x) + 2\nresults.append(y)\ny + 1")
    assert shown.error is None, shown.traceback
    assert "hello\n" in shown.stdout
    assert "lane urgent" in shown.stdout, "the plan in one sentence"
    assert shown.displays[-1]["text/plain"] == "43", "the last expression"
    assert (book.value("y"), book.value("results")) == ("42", "[42]")
    line = shown.displays[0]
    assert 'role="status"' in line["text/html"]
    assert line["text/plain"].startswith("Run ")
    assert any("▸ result" in text for text in shown.lines)
    view = latest(place)
    assert (view.urgency, view.title) == ("a test", "print('hello')")


def test_the_queue_and_why_in_a_notebook(place: Workplace, book: Notebook) -> None:
    assert ihpc(place, "create", "crowd", "--workers", "30").returncode == 0
    book.cell("import ihpc_jupyter, time")
    book.cell("def waiting(): return [row for row in ihpc_jupyter.jobs('local') if row.reason == 'Resources']")
    book.cell("while not waiting(): time.sleep(0.2)")
    shown = book.cell("%jobs local")
    assert shown.error is None, shown.traceback
    assert "Waiting for enough free cores" in shown.displays[0]["text/plain"]
    assert "cluster crowd" in shown.displays[0]["text/plain"]
    assert book.value("ihpc_jupyter.why(waiting()[0].id).category.value") == "'resources'"
    book.cell("one = waiting()[0].id")
    told = book.cell("%why {one} --offers")
    assert "submitted now, as local said" in told.stdout
    assert book.value("ihpc_jupyter.offers(one).offers[1].what") == "'half the time'"
    assert "of cluster 'crowd'" in told.stdout
    assert "free cores: 0 of " in told.stdout
    assert "What to do: " in told.stdout
    assert ihpc(place, "stop", "crowd").returncode == 0
    assert (book.cell("%jobs nowhere").error or "").startswith("NotFound: ")


def test_the_bill_comes_when_the_agent_has_it(book: Notebook) -> None:
    shown = book.cell("%urgent paid = 1")
    run = shown.lines[0].split()[1]

    def billed() -> bool:
        book.cell("pass")
        return any(run in line and "core-" in line for line in book.later.lines)

    until(billed, "the run's line has its cost")


def test_the_notebooks_cluster_is_named(place: Workplace, book: Notebook) -> None:
    assert book.cell("from ihpc_jupyter import Cluster\ndesk = Cluster('desk')").error is None
    assert book.cell("%urgent at = 1").error is None
    assert latest(place).cluster == "desk"
    assert book.cell("%%urgent --lane urgent\nat = 2").error is None
    assert latest(place).cluster is None, "who names a lane asks for an allocation there"
    with agent(place) as http:
        http.delete("/api/clusters/desk")
        until(lambda: http.get("/api/clusters/desk").status_code == 404, "it has stopped")
    assert book.cell("%urgent at = 3").error is None, "it has gone, and nobody named it"
    assert latest(place).cluster is None
    assert (book.cell("%%urgent --cluster desk\nat = 4").error or "").startswith("NotFound: ")
    assert book.value("at") == "3"


def test_a_statement(book: Notebook) -> None:
    assert book.cell("%urgent z = {'a': 6 * 7}").error is None
    assert book.value("z") == "{'a': 42}", "braces are Python's"


def test_the_first_line_may_use_the_notebooks_variables(place: Workplace, book: Notebook) -> None:
    book.cell("seconds = 45")
    assert book.cell("%%urgent {seconds}s\nn = 1").error is None
    view = latest(place)
    assert view.deadline_at is not None
    assert view.deadline_at - view.created_at == pytest.approx(45)


def test_exceptions_come_with_the_cells_lines(place: Workplace, book: Notebook) -> None:
    book.cell("steps = []")
    shown = book.cell("%%urgent\nq = 5\nsteps.append(1)\ndef broken(a):\n    return a / 0\nbroken(q)")
    assert (book.value("q"), book.value("steps")) == ("5", "[1]"), "what was bound before comes back all the same"
    assert shown.error == "ZeroDivisionError: division by zero"
    assert "return a / 0" in shown.traceback
    assert "broken(q)" in shown.traceback
    book.cell("first = 1\ndef apart(v):\n    second = 2\n    third = 3\n    return second / v\nlast = 6")
    shown = book.cell("%%urgent\nq = 0\napart(q)")
    assert re.search(
        r"Cell In\[\d+\], line 5, in apart\(\)\n[^\n]*\n.*-> 5     return second / v", shown.traceback, re.DOTALL
    )
    assert "ihpc_jupyter/kernel" not in shown.traceback, "ours is not theirs to read"
    until(lambda: latest(place).state is RunState.FAILED, "the agent says so")


def test_an_interrupt_that_the_cell_raises_is_shown_as_such_and_not_tried_again(
    place: Workplace, book: Notebook
) -> None:
    shown = book.cell("%%urgent\ndone = 1\nraise KeyboardInterrupt('enough')")
    assert shown.error == "KeyboardInterrupt: enough"
    assert "raise KeyboardInterrupt('enough')" in shown.traceback
    assert "cancelled" not in shown.stderr
    assert book.value("done") == "1"
    until(lambda: latest(place).state is RunState.FAILED, "the agent says so")
    assert len(latest(place).attempts) == 1


def test_what_programs_write_shows(book: Notebook) -> None:
    shown = book.cell("%%urgent\nimport os\nprint('Python')\nos.system('echo a program; echo beside >&2');")
    assert shown.error is None, shown.traceback
    assert shown.stdout.endswith("Python\na program\nbeside\n")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%urgent --copys 2\na = 1", "InvalidRequest: There is no option --copys. Did you mean --copies?"),
        ("%%urgent 0s\na = 1", "InvalidRequest: The deadline 0s has passed already."),
        ("%%urgent --copies 0\na = 1", "InvalidRequest: copies: must be at least 1."),
        ("%%urgent --copies 1000000\na = 1", "InvalidRequest: copies: must be at most 16."),
        ("%%urgent --lane nowhere\na = 1", "NotFound: "),
        (
            "%%urgent --cores 4000\na = 1",
            "Rejected: There is no way to start. Lane urgent has ",
        ),
        ("%%urgent --put /nonexistent/file\na = 1", "InvalidRequest: --put /nonexistent/file"),
        ("%%urgent --put /proc/self/mem\na = 1", "Unavailable: The payload cannot be written"),
        ("%%urgent\n\n   \n", "InvalidRequest: There is nothing to run."),
        ("%%urgent\na = = 1", "InvalidRequest: Line 2 of the cell is not Python"),
        ("%urgent 10m a = 1", "InvalidRequest: %urgent takes a statement, not 10m"),
        ("%urgent --plan", "InvalidRequest: %urgent takes a statement, not --plan"),
        ("import threading\nlock = threading.Lock()", ""),
        ("%%urgent\nlock.acquire()", "InvalidRequest: "),
        ("%runs nonsense", "InvalidRequest: %runs does not know 'nonsense'."),
        ("%runs attach nowhere", "NotFound: There is no run 'nowhere'."),
        ("%runs cancel 'a/b'", "NotFound: There is no run 'a/b'."),
        ("%why 99999", "NotFound: There is no run and no job '99999' here."),
    ],
)
def test_mistakes_are_one_clean_line_and_nothing_is_submitted(
    place: Workplace, book: Notebook, cell: str, said: str
) -> None:
    before = len(runs(place))
    shown = book.cell(cell)
    assert (shown.error or "").startswith(said.split(":", maxsplit=1)[0])
    assert shown.traceback.startswith(said)
    assert len(shown.traceback.splitlines()) <= 1
    made = runs(place)[: len(runs(place)) - before]
    assert not any(view.attempts for view in made)
    until(lambda: all(run.state is RunState.CANCELLED for run in runs(place)[: len(made)]), "none is left")


def test_the_plan_alone(place: Workplace, book: Notebook) -> None:
    before = len(runs(place))
    shown = book.cell("%%urgent 60s --plan\nprint('never')")
    assert shown.error is None
    assert "expected start" in shown.displays[0]["text/plain"]
    assert "<table" in shown.displays[0]["text/html"]
    assert "never" not in shown.stdout
    assert len(runs(place)) == before


def test_the_rehearsal_runs_nothing(place: Workplace, book: Notebook) -> None:
    before = len(runs(place))
    shown = book.cell("%runs check 10m --cores 1")
    assert shown.error is None, shown.traceback
    assert "rehearsal on local" in shown.displays[0]["text/plain"]
    assert "✓ ok" in shown.displays[0]["text/plain"]
    assert len(runs(place)) == before


def test_the_rehearsal_looks_at_this_notebooks_python_directory_and_files(
    place: Workplace, book: Notebook, directory: Path, tmp_path: Path
) -> None:
    (directory / "goes.txt").write_text("seven")
    shown = book.cell("%runs check --put goes.txt").displays[0]["text/plain"]
    assert f"sees {sys.executable} and the spool" in shown
    assert f"sees {directory}" in shown
    assert "1 file, 5 B" in shown
    assert "✗ failed  files that go with it" in book.cell("%runs check --put gone.txt").displays[0]["text/plain"]
    away = {"environment": {"python": sys.executable, "directory": str(tmp_path / "gone")}}
    with agent(place) as http:
        report = Report.model_validate_json(http.post("/api/runs/check", json=away, timeout=60).content)
    files = next(check for check in report.checks if check.name == "files")
    assert (files.outcome, "does not see" in files.text) == ("warning", True)


def test_help(book: Notebook) -> None:
    shown = book.cell("%urgent --help\n%runs --help")
    assert "%%urgent --copies 2" in shown.stdout
    assert "%runs attach" in shown.stdout


def test_a_script_and_its_exit_code(book: Notebook) -> None:
    shown = book.cell("%%urgent --script bash\necho from $0\necho beside >&2")
    assert shown.error is None, shown.traceback
    assert "from " in shown.stdout
    assert "beside\n" in shown.stderr
    shown = book.cell("%%urgent --script bash\nexit 3")
    assert shown.traceback.startswith("Rejected: The script ended with exit code 3.")
    assert book.value("_exit_code") == "3"


def test_ctrl_c_cancels_everywhere_within_two_seconds(place: Workplace, book: Notebook) -> None:
    watch: list[Stopwatch] = []

    def begun(shown: object) -> bool:
        if "begun" not in str(getattr(shown, "stdout", "")):
            return False
        watch.append(Stopwatch())
        return True

    shown = book.cell("%%urgent 60s\nimport time\nprint('begun', flush=True)\ntime.sleep(60)", begun)
    watch[0].within(2.0, "from Ctrl-C to the cell's end")
    assert (shown.error or "").startswith("KeyboardInterrupt")
    assert len(shown.traceback.splitlines()) == 1
    assert "is cancelled everywhere" in shown.stderr
    until(lambda: latest(place).state is RunState.CANCELLED, "the agent says so")
    until(lambda: latest(place).attempts[-1].ended_at is not None, "its job has gone")


def test_a_missed_deadline_is_one_line(place: Workplace, book: Notebook) -> None:
    watch = Stopwatch()
    shown = book.cell("%%urgent 1s\nimport time\ntime.sleep(30)\nlate = 1")
    watch.within(2.5, "the miss is told")
    assert shown.traceback.startswith(f"DeadlineMissed: Run {latest(place).id} missed its deadline")
    assert book.value("'late' in globals()") == "False"


def test_files_travel(book: Notebook, directory: Path) -> None:
    (directory / "data").mkdir(exist_ok=True)
    (directory / "data" / "in.txt").write_text("seven")
    shown = book.cell(
        "%%urgent --put data --get 'out/*.txt'\nfrom pathlib import Path\n"
        "Path('out').mkdir()\nsize = Path('out/up.txt').write_text(Path('data/in.txt').read_text().upper())"
    )
    assert shown.error is None, shown.traceback
    assert (directory / "out" / "up.txt").read_text() == "SEVEN"
    assert "With 1 file, 5 B." in shown.stdout
    assert "Back: 1 file, 5 B" in shown.stdout


def test_detached_and_attached_after_a_restart(place: Workplace, book: Notebook) -> None:
    shown = book.cell("base = 4\nkept = 'mine'")
    shown = book.cell(
        "%%urgent --detach --as shot\nimport time\nprint('far away')\ntime.sleep(0.5)\nkept = base + 1\nfresh = 3"
    )
    assert shown.error is None, shown.traceback
    id_ = latest(place).id
    assert f"%runs attach {id_}" in shown.stdout
    assert book.value("shot.id") == repr(id_)
    book.restart()
    book.cell("kept = 'bound anew'")
    shown = book.cell(f"%runs attach {id_}")
    assert shown.error is None, shown.traceback
    assert "far away\n" in shown.stdout
    assert "Bound anew since the run was ordered: kept" in shown.stderr
    assert (book.value("kept"), book.value("fresh")) == ("'bound anew'", "3")
    assert book.cell(f"%runs attach {id_} --overwrite").error is None
    assert book.value("kept") == "5"


def test_a_run_has_ended_as_soon_as_its_result_is_here(book: Notebook) -> None:
    book.cell("%%urgent --detach --as there\nimport time\ntime.sleep(1)\nthere_is = 1")
    shown = book.cell(
        "while not there.mailbox.result.exists(): pass\n"
        "print(there.state, there.view.stages['succeeded'] > there.view.created_at)"
    )
    assert shown.stdout == "succeeded True\n", shown.traceback


def test_detached_and_attached_in_the_same_kernel(book: Notebook) -> None:
    book.cell("untouched = [1]\nrebound = [1]")
    book.cell("%%urgent --detach\nuntouched.append(2)\nrebound = [9]")
    book.cell("rebound = [2]")
    shown = book.cell("%runs attach")
    assert shown.error is None, shown.traceback
    assert "Bound anew since the run was ordered: rebound" in shown.stderr
    assert (book.value("untouched"), book.value("rebound")) == ("[1, 2]", "[2]")


def test_runs_are_listed_and_explained(place: Workplace, book: Notebook, directory: Path) -> None:
    assert book.cell("%urgent listed = 1").error is None
    view = latest(place)
    shown = book.cell("%runs")
    assert view.id in shown.displays[0]["text/plain"]
    assert "<table" in shown.displays[0]["text/html"]
    assert f"Run {view.id} (listed = 1)" in book.cell(f"%why {view.id}").stdout
    assert "Attempt 1" in book.cell("%why").stdout
    assert "way" in book.cell(f"%runs plan {view.id}").displays[0]["text/plain"]
    assert "waited" in book.cell("%runs ledger").displays[0]["text/plain"]
    assert book.cell("%runs ledger --csv bill.csv").error is None
    with (directory / "bill.csv").open() as file:
        assert next(iter(csv.DictReader(file)))["id"] == view.id


def test_the_agent_may_be_killed_meanwhile(place: Workplace, book: Notebook) -> None:
    def kill(shown: object) -> bool:
        if "begun" in str(getattr(shown, "stdout", "")) and not killed:
            with agent(place) as http:
                killed.append(About.model_validate_json(http.get("/api/about").content).pid)
            os.kill(killed[0], signal.SIGKILL)
        return False

    killed: list[int] = []
    shown = book.cell("%%urgent\nimport time\nprint('begun', flush=True)\ntime.sleep(2)\nafter = 'answer'", kill)
    assert killed
    assert shown.error is None, shown.traceback
    assert book.value("after") == "'answer'"
    until(lambda: latest(place).state is RunState.SUCCEEDED, "another agent has taken over", 60)


def test_workers_of_its_own(place: Workplace, book: Notebook) -> None:
    shown = book.cell("%%urgent --workers 2 --memory 400MiB\ntotal = client.submit(sum, [1, 2, 3]).result(60)")
    assert shown.error is None, shown.traceback
    assert book.value("total") == "6"

    def gone() -> bool:
        with agent(place) as http:
            clusters = http.get("/api/snapshot").json()["clusters"]
        return all(cluster["state"] in {"stopping", "stopped"} for cluster in clusters)

    until(gone, "its cluster has been stopped")
