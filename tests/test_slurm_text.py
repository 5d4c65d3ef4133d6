"""Slurm's text: parsers, by examples that real commands wrote and by hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.reasons import explain_reason
from ihpc_jupyter.scheduler.slurm_room import had_to_go

NOW = 1795346300.0


def record(
    job_id: str,
    state: str = "RUNNING",
    *,
    name: str = "a",
    start: str = "N/A",
    end: str = "N/A",
    restarts: str = "0",
    preempted: str = "N/A",
    eligible: str = "1795346229",
    node: str = "n1",
) -> str:
    fields = [
        job_id,
        state,
        "None",
        "1795346229",
        start,
        end,
        "batch",
        "(null)",
        "(null)",
        "2",
        node,
        restarts,
        preempted,
        "cpu=2,mem=1.50G,node=1,billing=2",
        "gres:gpu:2",
        "1",
        "2-00:00:00",
        "768",
        "eve",
        eligible,
        name,
    ]
    return text.FIELD.join(fields) + text.RECORD + "\n"


def test_a_running_job_has_its_times_and_node() -> None:
    (job,) = text.parse_squeue(record("12_3", start="1795346230", end="1795360630"), NOW)
    assert (job.id, job.state, job.node, job.cores) == ("12_3", JobState.RUNNING, "n1", 2)
    assert (job.started_at, job.ends_at, job.expected_start) == (1795346230.0, 1795360630.0, None)
    assert (job.qos, job.account, job.reason) == ("", "", "")
    assert (job.user, job.nodes, job.memory, job.gpus, job.time_limit) == ("eve", 1, 3 << 29, 2, 172800.0)
    assert job.exit_code is None  # it still runs


def test_a_waiting_job_has_an_expected_start_and_nothing_else() -> None:
    (job,) = text.parse_squeue(record("12", "PENDING", start="1795389420", end="1795403820"), NOW)
    assert (job.expected_start, job.started_at, job.ends_at, job.node) == (1795389420.0, None, None, "")


@pytest.mark.parametrize("start", ["1795389420", "1795346231"])
def test_a_job_that_ended_in_the_queue_never_started(start: str) -> None:
    told = record("12", "CANCELLED", start=start, end="1795346231", node="")
    (job,) = text.parse_squeue(told, NOW)
    assert (job.state, job.started_at, job.ends_at) == (JobState.CANCELLED, None, 1795346231.0)


@pytest.mark.parametrize(
    ("told", "since"), [("1795346229", 1795346229.0), ("1795346301", None), ("N/A", None), ("Unknown", None)]
)
def test_a_job_is_eligible_from_a_moment_that_has_come(told: str, since: float | None) -> None:
    (job,) = text.parse_squeue(record("12", "PENDING", eligible=told), NOW)
    assert job.eligible_at == since


@pytest.mark.parametrize(
    "name", ['odd na|me "x" $(id)', "nl\nname", "tab\tname", "#SBATCH -p x", "ümläut", "n" * 300]
)
def test_names_come_back_as_they_are_and_disturb_no_neighbour(name: str) -> None:
    jobs = text.parse_squeue(record("1", name=name) + record("2"), NOW)
    assert [(job.id, job.name) for job in jobs] == [("1", name), ("2", "a")]


def test_a_name_with_our_own_separators_harms_only_itself() -> None:
    jobs = text.parse_squeue(record("1", name=f"x{text.RECORD}9{text.FIELD}y") + record("2"), NOW)
    assert [job.id for job in jobs] == ["1", "2"]


@pytest.mark.parametrize(
    ("start", "end", "state"),
    [
        ("1795346276", "1795432676", JobState.REQUEUED),  # requeued: start and limit of the next run
        ("N/A", "N/A", JobState.REQUEUED),
        ("1795346200", "1795346299", JobState.COMPLETING),
    ],
)
def test_a_requeued_job_is_no_ended_one_while_its_processes_die(start: str, end: str, state: JobState) -> None:
    (job,) = text.parse_squeue(record("1", "COMPLETING", start=start, end=end, restarts="1"), NOW)
    assert job.state is state
    assert job.restarts == 1


@pytest.mark.parametrize("junk", ["", "\n", "slurm_load_jobs error", "a\x1fb\x1e", "\x1e\x1e\x1e", "\x1f" * 50])
def test_what_is_no_record_is_no_job(junk: str) -> None:
    assert text.parse_squeue(junk, NOW) == []


@given(st.text())
def test_no_text_breaks_a_parser(anything: str) -> None:
    text.parse_squeue(anything, NOW)
    text.parse_sacct(anything)
    text.parse_partitions(anything)
    text.parse_sinfo(anything)
    text.parse_qos(anything)
    text.parse_associations(anything)
    text.parse_state(anything)
    text.parse_limit(anything)
    text.clean_error(anything)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("CANCELLED by 1000", JobState.CANCELLED),
        ("CANCELLED+", JobState.CANCELLED),
        ("REQUEUE_HOLD", JobState.PENDING),
        ("STOPPED", JobState.SUSPENDED),
        ("SOMETHING_NEW", JobState.UNKNOWN),
        ("", JobState.UNKNOWN),
    ],
)
def test_states(word: str, state: JobState) -> None:
    assert text.parse_state(word) is state


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("2-03:00:00", 183600),
        ("04:00:00", 14400),
        ("30:00", 1800),
        ("30", 1800),
        ("UNLIMITED", None),
        ("NONE", None),
    ],
)
def test_limits(word: str, seconds: float | None) -> None:
    assert text.parse_limit(word) == seconds


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("12", ["12"]),
        ("12_3", ["12_3"]),
        ("12_[0-2,7]", ["12_0", "12_1", "12_2", "12_7"]),
        ("12_[0-6:3%2]", ["12_0", "12_3", "12_6"]),
        ("12+1", ["12+1"]),
        ("12.batch", []),
        ("x", []),
    ],
)
def test_ids_are_expanded(word: str, ids: list[str]) -> None:
    assert text.expand_ids(word) == ids


@given(st.sets(st.integers(0, 5000), min_size=1), st.integers(1, 10**9))
def test_elements_of_an_array_become_few_words_and_come_back(indices: set[int], root: int) -> None:
    ids = [f"{root}_{index}" for index in indices]
    words = text.compress_ids(ids)
    assert sorted(one for word in words for one in text.expand_ids(word)) == sorted(ids)
    assert len(words) <= 1 + len(ids) // 200


@pytest.mark.parametrize("bad", ["", "-u", "1;rm", "1 2", "1\n2", "all", "1_[0-3]", "\uff11"])
def test_what_is_no_id_never_reaches_scancel(bad: str) -> None:
    with pytest.raises(ValueError, match="no job id"):
        text.compress_ids(["1", bad])


@pytest.mark.parametrize(
    ("said", "job_id"),
    [("17\n", "17"), ("17;alpha\n", "17"), ("site says hello\n17\n", "17"), ("", None), ("Submitted", None)],
)
def test_the_submitted_id(said: str, job_id: str | None) -> None:
    assert text.parse_submitted(said) == job_id


def test_errors_keep_slurms_words() -> None:
    said = (
        "sbatch: error: invalid partition specified: nope\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    )
    assert text.clean_error(said) == (
        "invalid partition specified: nope; Batch job submission failed: Invalid partition name specified"
    )
    assert not text.is_transient(text.clean_error(said))


@pytest.mark.parametrize(
    "said",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        'squeue: error: Munge encode failed: Failed to access "/run/munge/socket": No such file or directory',
    ],
)
def test_silence_is_not_refusal(said: str) -> None:
    assert text.is_transient(said)


def test_sacct_keeps_the_latest_run_and_counts_the_earlier_ones() -> None:
    said = (
        "7_1|PREEMPTED|100|110|120|spot|spot|lab|4|n1|eve|mem=2G,gres/gpu:a100=2|1|01:00:00|0:9|105|a|b\n"
        "7_1|COMPLETED|100|130|150|spot|spot|lab|4|n2|eve|mem=2G,gres/gpu:a100=2|1|01:00:00|3:0|122|a|b\n"
        "8_[0-1]|CANCELLED by 0|100|Unknown|120|spot|spot|lab|0|None assigned|eve|mem=2G|4|UNLIMITED|0:0|None|c\n"
    )
    jobs = {job.id: job for job in text.parse_sacct(said)}
    assert set(jobs) == {"7_1", "8_0", "8_1"}
    assert (jobs["7_1"].state, jobs["7_1"].restarts, jobs["7_1"].node, jobs["7_1"].name) == (
        JobState.COMPLETED, 1, "n2", "a|b",
    )  # fmt: skip
    assert (jobs["7_1"].eligible_at, jobs["8_0"].eligible_at) == (122.0, None)
    assert (jobs["8_0"].state, jobs["8_0"].started_at, jobs["8_0"].node) == (JobState.CANCELLED, None, "")


def test_nodes_and_their_gpus() -> None:
    kinds = text.parse_sinfo("gpu|64+|256000|gpu:a100:4(S:0-1),gpu:t4:2\ncpu|8|16000|(null)\n")
    assert [(kind.partition, kind.cores, kind.gpus) for kind in kinds] == [("gpu", 64, 6), ("cpu", 8, 0)]
    assert kinds[1].memory == 16000 << 20


@pytest.mark.parametrize("code", ["Resources", "Priority", "QOSMaxJobsPerUserLimit", "(Resources)"])
def test_known_reasons_become_sentences(code: str) -> None:
    assert explain_reason(code).endswith(".")
    assert explain_reason(code) != code


def test_unknown_reasons_are_shown_as_they_are() -> None:
    assert explain_reason("SomethingNew_42") == "SomethingNew_42"
    assert explain_reason("") == ""
    assert "down" in explain_reason("ReqNodeNotAvail, UnavailableNodes:n[1-4]")


@pytest.mark.parametrize(
    ("state", "end", "went"),
    [
        ("PENDING", "N/A", True),
        ("RUNNING", "1795360630", True),
        ("CANCELLED", "1795346229", True),
        ("CANCELLED", "1795346227", False),  # its end came first, whenever Slurm says that it was submitted
    ],
)
def test_who_was_requeued_had_to_go_unless_it_had_ended_before(state: str, end: str, went: bool) -> None:
    (job,) = text.parse_squeue(record("12", state, start="1795346227", end=end, restarts="1"), NOW)
    assert had_to_go(job, 1795346228, 1795346230) is went
    assert not had_to_go(job, 1795346230, 1795346232), "another run's moments"


def test_who_ran_undisturbed_had_not_to_go() -> None:
    (job,) = text.parse_squeue(record("12", "RUNNING", start="1795346229", end="1795360630"), NOW)
    assert not had_to_go(job, 1795346228, 1795346230)


def test_who_was_ended_by_preemption_had_to_go_when_it_ended() -> None:
    (job,) = text.parse_squeue(record("12", "PREEMPTED", start="1795346100", end="1795346240"), NOW)
    assert not had_to_go(job, 1795346228, 1795346230)
    assert had_to_go(job, 1795346238, 1795346240)
