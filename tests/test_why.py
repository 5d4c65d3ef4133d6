"""From evidence to an answer: on text that a real Slurm wrote, and on evidence with holes."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.explain.answer import explain
from ihpc_jupyter.explain.words import core_time, counted, duration, memory
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.why import Ahead, Booking, Category, Evidence, Limit, Room
from ihpc_jupyter.scheduler import slurm_evidence as told
from ihpc_jupyter.scheduler.reasons import _SENTENCES, category_of, explain_reason

NOW = 1795361410.0

MAINTENANCE = (
    "JobId=8 JobName=x Reason=Mine y UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=1000 Nice=0 "
    "Account=lab QOS=normal JobState=PENDING Reason=ReqNodeNotAvail,_Reserved_for_maintenance Dependency=(null) "
    "Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=00:20:00 TimeMin=N/A "
    "SubmitTime=1795361400 EligibleTime=1795361400 AccrueTime=1795361400 StartTime=1795365300 EndTime=1795366500 "
    "Deadline=N/A SuspendTime=None SecsPreSuspend=0 LastSchedEval=1795361405 Scheduler=Backfill:* Partition=batch "
    "AllocNode:Sid=localhost:26265 ReqNodeList=(null) ExcNodeList=(null) NodeList= SchedNodeList=alpha3 "
    "NumNodes=1 NumCPUs=4 NumTasks=1 CPUs/Task=4 TRES=cpu=4,mem=4000M,node=1,billing=4 Comment=Reason=Fake \n"
)
RESERVATION = (
    "ReservationName=maint StartTime=1795361700 EndTime=1795365300 Duration=01:00:00 Nodes=alpha[1-4] NodeCnt=4 "
    "CoreCnt=16 Features=(null) PartitionName=(null) Flags=MAINT,IGNORE_JOBS,SPEC_NODES TRES=cpu=16 Users=root "
    "Groups=(null) State=INACTIVE\n"
)
QOS = """Current Association Manager state

QOS Records

QOS=tiny(5)
    UsageRaw=0.000000
    GrpJobs=N(1) GrpJobsAccrue=N(1) GrpSubmitJobs=20(2) GrpWall=N(0.00)
    GrpTRES=cpu=N(4),mem=N(4000),node=8(1),billing=N(4)
    MaxWallPJ=
    MaxTRESPJ=cpu=64
    MinPrioThresh=
    Account Limits
      teaching
        MaxJobsPA=7(1) MaxJobsAccruePA=N(1)
    User Limits
      1000
        MaxJobsPU=3(3) MaxTRESPU=cpu=4(4)
      1001
        MaxJobsPU=3(1) MaxJobsAccruePU=N(1) MaxSubmitJobsPU=N(2)
        MaxTRESPU=cpu=4(4),mem=N(4000),node=N(1),gres/gpu=2(0)
"""


def evidence(reason: str = "Resources", state: JobState = JobState.PENDING, **more: object) -> Evidence:
    about = {"cores": 4, "nodes": 1, "memory": 1 << 30, "submitted_at": NOW - 60, **dict(more.pop("job", {}))}  # type: ignore[call-overload]
    job = Job(id="7", name="a job", state=state, reason=reason, **about)
    known = {"job": job, "category": category_of(job), "reason_text": explain_reason(reason), "asked_at": NOW}
    return Evidence.model_validate({**known, **more})


def test_a_job_as_slurm_tells_it_and_nobody_else() -> None:
    details = told.parse_details(MAINTENANCE, "8")
    assert details is not None
    job = details.job
    assert (job.name, job.user, details.uid) == ("x Reason=Mine y", "root", "0")
    assert job.reason == "ReqNodeNotAvail, Reserved for maintenance", "neither the name nor the comment counts"
    assert (job.cores, job.nodes, job.memory, job.time_limit) == (4, 1, 4000 << 20, 1200.0)
    assert (job.expected_start, job.started_at, job.exit_code) == (1795365300.0, None, None)
    assert (details.priority, details.considered_at) == (1000, 1795361405.0)
    assert category_of(job) is Category.RESERVATION


def test_a_maintenance_and_the_time_until_then() -> None:
    bookings = told.parse_bookings(RESERVATION, "alice")
    answer = explain(evidence("ReqNodeNotAvail, Reserved for maintenance", bookings=bookings))
    assert "kept for a maintenance (maint) from" in answer.sentence
    assert answer.advice.startswith("Ask for less than 4 min 50 s:")
    assert answer.code == "ReqNodeNotAvail, Reserved for maintenance"


def test_limits_are_those_of_this_user_and_only_those_that_are_set() -> None:
    limits = told.parse_limits(QOS, uid="1001", account="research")
    assert [(limit.name.removeprefix("QoS tiny: "), limit.allowed, limit.used) for limit in limits] == [
        ("queued jobs of all its users", "20", "2"),
        ("nodes of all its users", "8", "1"),
        ("cores of one job", "64", None),
        ("running jobs of one user", "3", "1"),
        ("cores of one user", "4", "4"),
        ("GPUs of one user", "2", "0"),
    ]
    answer = explain(evidence("QOSMaxCpuPerUserLimit", limits=tuple(limits)))
    assert answer.category is Category.LIMIT
    assert next(fact for fact in answer.facts if "4 in use" in fact.value).label == "QoS tiny: cores of one user"
    assert answer.advice.startswith("Wait until your other jobs")


def test_a_job_beyond_a_limit_never_starts() -> None:
    limits = (Limit(name="QoS tiny: cores of one job", allowed="64"),)
    assert "never start" in explain(evidence("QOSMaxCpuPerJobLimit", limits=limits)).advice
    assert "never start" in explain(evidence("PartitionTimeLimit", limits=limits)).advice


RESOURCES = ("BB", "Billing", "Energy", "GRES", "License", "Unknown")
EACH = {
    "{}Grp{}": ("Cpu?Limit", "Jobs?Limit", "Mem?Limit", "Node?Limit", "SubmitJobs?Limit", "Wall?Limit"),
    "{}Grp{}Minutes": ("CPU?Limit", "Mem", "Memory", "Node"),
    "{}Grp{}RunMinutes": ("CPU?Limit", "Mem", "Memory", "Node"),
    "{}Max{}MinutesPerJob": ("Cpu?Limit", "Mem", "Memory", "Node"),
    "{}Max{}PerJob": ("Cpu?Limit", "Mem", "Memory", "Node?Limit", "WallDuration?Limit"),
    "{}Max{}PerNode": ("Cpu", "Mem", "Memory"),
    "{}Max{}PerUser": ("Cpu?Limit", "Jobs?Limit", "Memory", "Node?Limit", "SubmitJob?Limit"),
    "Max{}PerAccount": ("Cpu", "Jobs", "Memory", "Node", "SubmitJobs"),
    "QOSMin{}": ("Cpu?NotSatisfied", "Memory", "Node"),
}
"""Slurm's codes for limits, by what they have in common; a few are more than it has."""


def limit_codes() -> Iterator[str]:
    for form, further in EACH.items():
        for scope in ("Assoc", "QOS") if form.startswith("{}") else ("",):
            for thing in (*RESOURCES, *further):
                name, _, ending = thing.partition("?")
                yield form.format(*([scope, name] if scope else [name])) + ending


@pytest.mark.parametrize("code", [*limit_codes(), "AssocMaxJobsLimit", "AssocMaxSubmitJobLimit", "QOSJobLimit"])
def test_every_limit_has_a_sentence_and_advice_that_fits_it(code: str) -> None:
    answer = explain(evidence(code, limits=()))
    assert answer.category is Category.LIMIT
    assert re.fullmatch(r"[A-Z][a-z]+ (GPUs|[ a-z(),'])+\.", answer.sentence), answer.sentence
    never = "PerJob" in code or "PerNode" in code or "Min" in code.replace("Minutes", "")
    assert ("never start" in answer.advice) == never, answer.advice
    budget = "Grp" in code and ("Minutes" in code.replace("RunMinutes", "") or "Wall" in code)
    assert ("less time" in answer.advice) == budget, answer.advice


def test_a_job_that_is_being_cleaned_up_is_not_said_to_have_ended_well() -> None:
    answer = explain(evidence("NonZeroExitCode", JobState.COMPLETING, job={"exit_code": 3}))
    assert answer.sentence == "It has ended; its nodes are being cleaned up."
    assert next(fact for fact in answer.facts if fact.label == "ended with").value == "exit code 3"


def test_what_slurm_notes_at_the_submission_is_no_look_at_the_job() -> None:
    def looked(at: float) -> list[str]:
        told = explain(evidence("None", considered_at=at))
        assert told.category is Category.NOT_CONSIDERED
        return [fact.value for fact in told.facts if fact.label == "last looked at by the scheduler"]

    assert looked(NOW - 60) == []
    assert len(looked(NOW - 30)) == 1


def test_killed_with_more_memory_than_was_asked_for() -> None:
    """As Slurm tells it where it is not the kernel that watches the memory."""
    failed = {"exit_code": -9, "memory": 60 << 20}
    answer = explain(evidence("", JobState.FAILED, job=failed, peak_memory=413 << 20))
    assert answer.category is Category.FAILED
    assert answer.sentence.endswith("after a step had used 413 MiB where 60 MiB were asked for.")
    assert answer.advice.startswith("Ask for more memory")
    within = explain(evidence("", JobState.FAILED, job=failed, peak_memory=40 << 20))
    assert within.sentence == "It was killed by signal 9."


def test_a_shell_tells_by_its_exit_code_that_a_program_was_killed() -> None:
    """`srun` does the same: most jobs that the memory's limit ends end so."""
    failed = {"exit_code": 137, "memory": 60 << 20}
    answer = explain(evidence("NonZeroExitCode", JobState.FAILED, job=failed, peak_memory=413 << 20))
    assert answer.sentence == (
        "It ended with exit code 137, which a shell gives when signal 9 killed a program of its, "
        "after a step had used 413 MiB where 60 MiB were asked for."
    )
    assert answer.advice.startswith("Ask for more memory")
    for code, said in (
        (143, "when signal 15 killed"),
        (128, "exit code 128."),
        (255, "exit code 255."),
        (1, "exit code 1."),
    ):
        assert said in explain(evidence("NonZeroExitCode", JobState.FAILED, job={"exit_code": code})).sentence


def test_who_is_not_allowed_does_not_wait_for_others() -> None:
    for code in ("AccountNotAllowed", "QOSNotAllowed", "InvalidAccount", "InvalidQOS"):
        assert "cannot start" in explain(evidence(code, limits=())).advice


def test_who_is_ahead() -> None:
    text = (
        "3|batch|1000|8|2|Resources\n5_[2-4%1]|batch|2000|4|1|Priority\n7|batch|1000|4|1|Priority\n"
        "9|batch|1000|4|1|Priority\n4|batch|9999|4|1|JobHeldUser\n8|other|9|4|1|Resources\njunk\n"
    )
    ahead = told.parse_ahead(text, evidence(job={"partition": "batch"}).job, 1000)
    assert ahead == Ahead(jobs=4, cores=20, nodes=5, elsewhere=1)


def test_of_its_own_array_the_lower_indices_come_first() -> None:
    text = "7_[2-4,9%1]|batch|1000|4|1|Priority\n7_1|batch|1000|4|1|Priority\n3|batch|1000|2|1|Resources\n"
    job = evidence(job={"partition": "batch"}).job
    fourth = told.parse_ahead(text, job.model_copy(update={"id": "7_4"}), 1000)
    assert fourth == Ahead(jobs=4, cores=14, nodes=4, elsewhere=0)
    assert told.parse_ahead(text, job, 1000).jobs == 1


def test_nodes_and_what_their_staff_wrote() -> None:
    text = "planned|1|0/4/0/4|a3|none\ndrained*|1|0/0/4/4|a1|bad disk | here\nallocated|2|8/0/0/8|a[2,4]|none\n"
    room = told.parse_room(text)
    assert room.states == {"planned": 1, "drained": 1, "allocated": 2}
    assert (room.free_cores, room.all_cores, room.out) == (4, 16, ("a1 drained: bad disk | here",))


def test_one_word_of_slurms_for_two_things_is_decided_by_the_nodes() -> None:
    word = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    assert "higher priority" in explain_reason(word)
    busy = Room(states={"allocated": 4}, free_cores=0, all_cores=16)
    broken = busy.model_copy(update={"out": ("a1 down",)})
    assert explain(evidence(word, room=busy)).category is Category.RESOURCES
    assert explain(evidence(word, room=broken)).category is Category.NODE_DOWN
    assert explain(evidence(word)).category is Category.NODE_DOWN


def test_what_was_not_read_is_a_fact_that_says_so() -> None:
    answer = explain(evidence("Priority", unread={"ahead": "Slurm refused: no", "factors": "Slurm is silent"}))
    unread = {fact.label: fact.value for fact in answer.facts if not fact.read}
    assert unread == {
        "jobs ahead": "not read: Slurm refused: no",
        "priority is made of": "not read: Slurm is silent",
    }
    assert not any(letter.isdigit() for letter in answer.sentence), "no number that nobody told"


def test_what_slurm_does_not_tell_is_said_to_be_so() -> None:
    assert {fact.label: fact.value for fact in explain(evidence()).facts}["expected start"].startswith("not told")
    gone = evidence("", JobState.PREEMPTED, job={"started_at": NOW - 3600, "ends_at": NOW})
    facts = {fact.label: fact.value for fact in explain(gone).facts}
    assert facts["for whom it had to go"].startswith("not told")
    assert (facts["ran for"], facts["lost"]) == ("1 h 00 min", "4 core-hours")


def test_a_job_cancelled_while_it_waited_has_no_reason_left() -> None:
    answer = explain(evidence("Resources", JobState.CANCELLED))
    assert (answer.code, answer.sentence) == ("CANCELLED", "It was cancelled.")


def test_the_most_memory_of_a_step_and_who_cancelled() -> None:
    text = "7|CANCELLED by 1001|\n7.batch|CANCELLED|2048K\n7.0|CANCELLED|1G\n"
    assert told.parse_ended(text) == (1 << 30, "1001")
    assert told.parse_ended("7|COMPLETED|\n") == (None, "")


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize(
    "reason", ["", "Priority", "ReqNodeNotAvail, UnavailableNodes:a1", "JobHeldAdmin", "QOSMaxNew", "New_1"]
)
def test_whatever_is_known_there_is_an_answer(state: JobState, reason: str) -> None:
    answer = explain(evidence(reason, state))
    assert answer.sentence
    assert answer.advice
    assert answer.code
    assert all(fact.value for fact in answer.facts)


def test_every_reason_that_has_a_sentence_has_a_category() -> None:
    ended = {"InactiveLimit", "JobLaunchFailure", "NonZeroExitCode", "OutOfMemory", "Preempted", "RaisedSignal",
             "SystemFailure", "TimeLimit"}  # fmt: skip
    for code in set(_SENTENCES) - ended:
        job = Job(id="1", name="", state=JobState.PENDING, reason=code)
        assert category_of(job) is not Category.UNKNOWN, code


@given(st.text())
def test_no_text_breaks_a_parser(anything: str) -> None:
    told.parse_details(f"JobId=1 JobName={anything}", "1")
    told.parse_details(MAINTENANCE.replace("x Reason=Mine y", anything), "8")
    told.parse_ahead(anything, evidence().job, 1)
    told.parse_room(anything)
    told.parse_bookings(anything, anything)
    told.parse_factors(anything)
    told.parse_limits(anything, uid="1", account="a")
    told.parse_partition_limits(anything)
    told.parse_dependencies(anything)
    told.parse_ended(anything)


def test_amounts_for_people() -> None:
    assert [duration(seconds) for seconds in (5, 65, 3700, 90000)] == [
        "5 s", "1 min 05 s", "1 h 01 min", "1 d 1 h",
    ]  # fmt: skip
    assert (memory(1000 << 20), memory(1536 << 30), memory(3 << 29)) == ("1000 MiB", "1536 GiB", "1.5 GiB")
    assert core_time(1200 * 3600) == "1200 core-hours"
    assert (core_time(1), core_time(3), core_time(4 * 3600)) == ("1 core-second", "3 core-seconds", "4 core-hours")
    assert (memory(3 << 29), memory(100 << 20)) == ("1.5 GiB", "100 MiB")
    assert (counted(1, "job"), counted(12000, "job")) == ("1 job", "12 000 jobs")


def test_a_reservation_of_ones_own_does_not_stand_in_the_way() -> None:
    mine = Booking(name="mine", active=True, starts_at=NOW - 5, mine=True)
    other = Booking(name="theirs", active=False, starts_at=NOW + 600)
    assert (
        "theirs"
        in explain(evidence("ReqNodeNotAvail, May be reserved for other job", bookings=(mine, other))).sentence
    )
