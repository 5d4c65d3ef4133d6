"""Answer after answer: jobs that read as before are the very same objects; what changed is read anew."""

from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.slurm_reader import JobReader
from tests.test_slurm_text import NOW, record


def laned(job: Job) -> Job:
    return job.model_copy(update={"lane": f"lane of {job.partition}"})


def test_a_task_that_starts_leaves_the_others_as_they_are() -> None:
    reader = JobReader(laned)
    before = reader.read(record("12_[0-9%4]", "PENDING") + record("13", "PENDING"), NOW)
    assert list(before) == [*(f"12_{index}" for index in range(10)), "13"]
    started = record("12_[1-9%4]", "PENDING") + record("12_0", start="1795346230") + record("13", "PENDING")
    after = reader.read(started, NOW + 1)
    assert after["12_0"].state is JobState.RUNNING
    assert all(after[key] is before[key] for key in before if key != "12_0")
    assert after["12_0"].lane == "lane of batch"
    assert reader.read("", NOW + 2) == {}
    assert reader.read(started, NOW + 3) == after, "forgotten, and read anew"


def test_what_depends_on_the_clock_is_read_again() -> None:
    reader = JobReader(laned)
    later = record("12", "PENDING", eligible=str(int(NOW) + 5))
    assert reader.read(later, NOW)["12"].eligible_at is None
    assert reader.read(later, NOW + 10)["12"].eligible_at == NOW + 5
    ending = record("14", "COMPLETING", start=str(int(NOW)), end=str(int(NOW) + 60))
    assert reader.read(ending, NOW)["14"].state is JobState.REQUEUED
    assert reader.read(ending, NOW + 40)["14"].state is JobState.COMPLETING


WORDS = st.sampled_from(["7_[0-3]", "7_[1,3]", "7_2", "7_0", "7", "8", "9_[0-2]", "nonsense", "9_1+2"])
STATES = st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "CANCELLED by 3", "COMPLETING"])
ANSWERS = st.lists(st.lists(st.builds(record, WORDS, STATES), max_size=5).map("".join), max_size=6)


@given(ANSWERS)
def test_whatever_came_before_an_answer_means_the_same(answers: list[str]) -> None:
    reader = JobReader(laned)
    for number, said in enumerate(answers):
        plain = {job.id: laned(job) for job in text.parse_squeue(said, NOW + number)}
        assert reader.read(said, NOW + number) == plain
