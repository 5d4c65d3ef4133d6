"""`%%urgent` in a real kernel before a real Slurm: nodes die, kernels restart, workers and ranks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ihpc_jupyter.model.run import Ledger, RunState, RunView
from tests.lab_slurm import Workplace, workplace
from tests.notebook import Notebook, Shown, notebook
from tests.slurmbed import SlurmBed
from tests.world import Stopwatch, until


@pytest.fixture
def place(slurm: SlurmBed) -> Iterator[Workplace]:
    """A home before the bed."""
    with workplace(slurm) as made:
        yield made


@pytest.fixture
def book(place: Workplace, tmp_path: Path) -> Iterator[Notebook]:
    """A notebook with the magics."""
    with notebook(place.environment, tmp_path) as made:
        yield made


def latest(place: Workplace) -> RunView:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(place.socket)), base_url="http://agent") as http:
        return Ledger.model_validate_json(http.get("/api/runs").content).runs[0]


def queue(slurm: SlurmBed) -> str:
    return slurm.run("squeue", "--noheader", "--format=%i %T").stdout.strip()


def test_a_node_dies_under_a_cell_and_the_answer_comes_in_time(
    place: Workplace, book: Notebook, slurm: SlurmBed, tmp_path: Path
) -> None:
    struck: list[str] = []

    def strike(shown: Shown) -> bool:
        if "begun" in shown.stdout and not struck:
            # What a cell prints is here before the agent has looked.
            struck.extend(until(lambda: latest(place).attempts[0].nodes, "its node is known", 10))
            slurm.kill_node(struck[0])
        return False

    mark = tmp_path / "runs"
    book.cell("seen = []")
    shown = book.cell(
        "%%urgent 60s\nimport pathlib, time\n"
        f"mark = pathlib.Path({str(mark)!r})\n"
        "with mark.open('a') as file: file.write('run\\n')\n"
        "print('begun', flush=True)\n"
        "if len(mark.read_text().split()) < 2: time.sleep(60)\n"
        "seen.append('answer')",
        strike,
    )
    assert shown.error is None, shown.traceback
    assert struck
    assert book.value("seen") == "['answer']", "bound once, though it began twice"
    view = latest(place)
    assert [attempt.outcome for attempt in view.attempts] == ["lost", "won"]
    assert view.attempts[1].nodes != (struck[0],)
    assert "No sign of life" in view.attempts[0].detail


def test_ctrl_c_leaves_nothing_anywhere_within_two_seconds(
    place: Workplace, book: Notebook, slurm: SlurmBed
) -> None:
    shown = book.cell(
        "%%urgent\nimport time\nprint('begun', flush=True)\ntime.sleep(600)",
        lambda so_far: "begun" in so_far.stdout,
    )
    watch = Stopwatch()
    assert (shown.error or "").startswith("KeyboardInterrupt")
    assert latest(place).state is RunState.CANCELLED
    until(lambda: "RUNNING" not in queue(slurm), "no job runs")
    watch.within(2, "interrupted → nothing runs")


def test_a_detached_run_outlives_the_kernel_and_its_names_come_to_the_next(
    place: Workplace, book: Notebook
) -> None:
    book.cell("base = 40")
    shown = book.cell("%%urgent --detach\nimport time\ntime.sleep(2)\nprint('from afar')\nfound = base + 2")
    assert shown.error is None, shown.traceback
    book.restart()
    view = latest(place)
    attached = book.cell(f"%runs attach {view.id}")
    assert attached.error is None, attached.traceback
    assert "from afar" in attached.stdout
    assert book.value("found") == "42"


def test_workers_of_its_own_compute_for_it_and_go(place: Workplace, book: Notebook, slurm: SlurmBed) -> None:
    shown = book.cell(
        "%%urgent --workers 2\nclient.wait_for_workers(2)\n"
        "total = sum(client.gather(client.map(lambda n: n * n, range(10))))"
    )
    assert shown.error is None, shown.traceback
    assert book.value("total") == "285"
    until(lambda: not queue(slurm), "all of it has left the queue")


def test_ranks_share_the_work_and_the_first_ones_names_come_back(
    place: Workplace, book: Notebook, tmp_path: Path
) -> None:
    shown = book.cell(
        "%%urgent --tasks 3\nimport os, pathlib\nrank = int(os.environ['SLURM_PROCID'])\n"
        f"pathlib.Path({str(tmp_path)!r}, f'rank{{rank}}').touch()"
    )
    assert shown.error is None, shown.traceback
    assert book.value("rank") == "0"
    until(lambda: len(list(tmp_path.glob("rank*"))) == 3, "all ranks have run")


def test_copies_answer_once(place: Workplace, book: Notebook) -> None:
    shown = book.cell("%%urgent --copies 2\nimport socket\nwhere = socket.gethostname()")
    assert shown.error is None, shown.traceback
    view = latest(place)
    assert len(view.attempts) == 1
    until(lambda: latest(place).settled, "it is settled")
    view = latest(place)
    assert view.wasted_core_hours == pytest.approx(view.core_hours / 2)


def test_the_lab_being_a_job_itself_changes_nothing(place: Workplace, slurm: SlurmBed, tmp_path: Path) -> None:
    job = slurm.submit("--partition=interactive", "--ntasks=1", "--output=/dev/null")
    slurm.wait_for_job(job, "RUNNING")
    inside = {
        "SLURM_JOB_ID": job,
        "SLURM_JOBID": job,
        "SLURM_NNODES": "1",
        "SLURM_NTASKS": "1",
        "SBATCH_PARTITION": "no",
    }
    with notebook({**place.environment, **inside}, tmp_path) as book:
        watch = Stopwatch()
        shown = book.cell("%%urgent\nimport os\nmine = os.environ['SLURM_JOB_ID']")
        assert shown.error is None, shown.traceback
        watch.within(20, "a cell in a Lab that is a job")
        assert book.value("mine") != repr(job), "an allocation of its own, not a step in the Lab's"
