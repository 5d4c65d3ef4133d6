"""Names: what is written is read again, and nothing else is taken for ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.cluster.naming import (
    JobTag,
    WorkerName,
    new_submission_id,
    new_uid,
    parse_job_name,
    parse_worker_name,
)

GROUPS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")
COUNTS = st.integers(0, 10_000)


@given(GROUPS)
def test_a_job_name_is_read_as_it_was_written(group: str) -> None:
    tag = JobTag(new_uid(), group, new_submission_id())
    assert parse_job_name(tag.job_name) == tag


@given(GROUPS, st.from_regex(r"\A\d{1,9}(_\d{1,4})?\Z"), COUNTS, COUNTS, COUNTS)
def test_a_worker_name_is_read_as_it_was_written(
    group: str, job: str, restarts: int, process: int, attempt: int
) -> None:
    name = WorkerName(group, job, restarts, process, attempt)
    assert parse_worker_name(str(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "ihpc", "ihpc-xyz", "ihpc-0123456789-main", "ihpc-0123456789-main-abcdef ",
     "x-ihpc-0123456789-main-abcdef", "ihpc-0123456789-main-abcdef\n",
     "IHPC-0123456789-main-abcdef", "ihpc-0123456789-Ma in-abcdef"],
)  # fmt: skip
def test_other_jobs_are_not_taken_for_ours(name: str) -> None:
    assert parse_job_name(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "tcp://127.0.0.1:1234", "main:12:r0", "main:12:r0:p0", "main:12:rx:p0.0", "a b:1:r0:p0.0"],
)
def test_other_workers_are_not_taken_for_ours(name: str) -> None:
    assert parse_worker_name(name) is None


@given(st.text())
def test_no_text_is_too_strange(name: str) -> None:
    tag, worker = parse_job_name(name), parse_worker_name(name)
    assert tag is None or tag.job_name == name
    assert worker is None or parse_worker_name(str(worker)) == worker
