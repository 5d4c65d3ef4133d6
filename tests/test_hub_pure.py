"""The hub's pure parts: what may be chosen, what is told, what the script holds. Needs no JupyterHub."""

import asyncio
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.hub.choice import Choice, RefusedOption, choose, from_form, open_lanes, words
from ihpc_jupyter.hub.form import render, summary
from ihpc_jupyter.hub.progress import Progress
from ihpc_jupyter.hub.script import ServerJob, server_script
from ihpc_jupyter.hub.telling import ended, waits, with_log
from ihpc_jupyter.hub.waits import LaneWaits
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Site, parse_duration
from ihpc_jupyter.scheduler.base import Capacity
from ihpc_jupyter.scheduler.slurm_evidence import parse_places
from ihpc_jupyter.scheduler.slurm_for_many import server_directives

SITE = Site.model_validate(
    {
        "name": "hpc",
        "kind": "slurm",
        "lanes": {
            "interactive": {
                "title": "Soon <now>",
                "partition": "interactive",
                "time_limit": "4h",
                "max_time": "12h",
            },
            "urgent": {"partition": "urgent", "groups": ["urgent-users"], "max_cores": 2, "cost_factor": 4.0},
            "batch": {"partition": "batch", "qos": "normal"},
        },
        "shapes": {"small": {"cores": 1, "memory": "1GiB"}, "gpu": {"cores": 4, "memory": "8GiB", "gpus": 1}},
    }
)


def test_nothing_chosen_is_the_sites_default() -> None:
    assert choose(SITE, (), {}) == Choice("interactive", "small", 4 * 3600)
    assert choose(SITE, (), {"lane": "", "time": ""}) == choose(SITE, (), {})


def test_a_choice_from_the_form() -> None:
    options = from_form({"_xsrf": ["x"], "lane": ["batch"], "shape": ["gpu"], "time": ["90m"]})
    assert choose(SITE, (), options) == Choice("batch", "gpu", 5400)
    assert choose(SITE, (), {"time": 7200}).time_limit == 7200


def test_groups_decide_who_sees_a_lane() -> None:
    assert list(open_lanes(SITE, ())) == ["interactive", "batch"]
    assert choose(SITE, {"urgent-users"}, {"lane": "urgent"}).lane == "urgent"
    with pytest.raises(RefusedOption, match=r"lane: 'urgent'.*interactive, batch"):
        choose(SITE, {"others"}, {"lane": "urgent"})
    assert 'value="urgent"' not in render(SITE, (), {}, None, 0)


def test_a_shape_that_the_lane_does_not_take_is_refused() -> None:
    with pytest.raises(RefusedOption, match=r"shape: 'gpu'.*Allowed: small\."):
        choose(SITE, {"urgent-users"}, {"lane": "urgent", "shape": "gpu"})


@given(
    st.dictionaries(
        st.sampled_from(["lane", "shape", "time", "cmd"]), st.text() | st.integers() | st.lists(st.text())
    )
)
def test_whatever_is_sent_is_allowed_or_refused_by_name(options: dict[str, object]) -> None:
    try:
        chosen = choose(SITE, (), options)
    except RefusedOption as error:
        refused = error.field.strip("'")
    else:
        refused = ""
        assert choose(SITE, (), {"lane": chosen.lane, "shape": chosen.shape, "time": chosen.time_limit}) == chosen
    assert refused in {"", *options}
    if refused:
        return
    assert chosen.lane in SITE.lanes
    assert chosen.shape in SITE.shapes
    assert 60 <= chosen.time_limit <= 366 * 86400


@given(st.integers(1, 10**6))
def test_durations_are_told_as_they_are_written(seconds: int) -> None:
    assert parse_duration(words(seconds)) == pytest.approx(seconds)


def test_cards_tell_what_is_free_and_how_old_that_is() -> None:
    told = render(SITE, (), {"lane": "batch"}, Capacity({"interactive": 3}, {"interactive": 16}), 7.2)
    assert "3 of 16 cores free" in told
    assert "Free cores: unknown" in told, "the batch lane was not told of"
    assert "As told 7 s ago" in told
    assert "As told 14 h ago" in render(SITE, (), {}, Capacity({}, {}), 50000), "nobody counts in seconds"
    assert "Soon &lt;now&gt;" in told
    assert re.search(r'value="batch"[^>]* checked>', told), "the last choice is remembered"
    assert not re.search(r'value="interactive"[^>]* checked>', told)
    labels, fields = re.findall(r'<label[^>]* for="([^"]+)"', told), re.findall(r' id="(ihpc-[^"]+)"', told)
    assert set(labels) <= set(fields)


def test_cards_tell_what_wait_is_to_be_expected() -> None:
    def job(number: int, lane: str, started: float | None, restarts: int = 0) -> Job:
        state = JobState.PENDING if started is None else JobState.RUNNING
        times = {"submitted_at": 1000.0, "started_at": started, "eligible_at": 1000.0}
        return Job(id=str(number), name="x", state=state, lane=lane, restarts=restarts, **times)

    seen = LaneWaits()
    jobs = [job(1, "interactive", 1000.4), job(2, "interactive", 1012.0), job(3, "interactive", 1330.0)]
    for _ in range(2):
        seen.observe([*jobs, job(4, "batch", None), job(5, "batch", 9999.0, restarts=1)])
    told = render(SITE, ("urgent-users",), {}, None, 0, waits=seen.look(1200.0))
    assert "expected wait: 12 s (median of 3 servers in a day)" in told, "each is counted once"
    assert "expected wait: at least 3.3 min (one server in a day)" in told
    assert "expected wait: unknown" in told, "nobody has used the urgent lane"
    assert seen.look(1000.4 + 86401)["interactive"].count == 2, "yesterday's waits say little of today"
    seen.observe(jobs)
    assert "batch" not in seen.look(1200.0), "who waited has gone"


def test_the_place_in_a_queue_counts_who_comes_before() -> None:
    said = "\n".join([
        "9|batch|900|1|1|JobHeldUser", "10|batch|100|1|1|Resources", "11|batch|100|1|1|Priority",
        "12_[0-4%2]|batch|200|1|1|Priority", "13|other|900|1|1|Priority", "14|batch,other|50|1|1|Priority",
        "broken",
    ])  # fmt: skip
    assert parse_places(said, {"10", "11", "13", "14", "15"}) == {"10": 6, "11": 7, "13": 1, "14": 8}
    assert "number 7 in its queue" in waits(Job(id="11", name="x", state=JobState.PENDING), "batch", 0.0, 7)
    assert "queue" not in waits(Job(id="11", name="x", state=JobState.PENDING), "batch", 0.0)


def test_a_refusal_leads_to_its_field_and_stands_beside_it() -> None:
    refused = RefusedOption("time", "'<9y>' cannot be had", "1m to 12h")
    assert 'href="#ihpc-time"' in summary(refused)
    assert "<9y>" not in summary(refused)
    told = render(SITE, (), {"time": "<9y>"}, None, 0, refused)
    assert re.search(
        r'id="ihpc-time" value="&lt;9y&gt;"[^>]* aria-describedby="ihpc-time-problem ihpc-time-help"', told
    )
    assert told.count("aria-invalid") == 1
    assert "href" not in summary(RefusedOption("'cmd'", "no such option", "lane")), "there is no such field"


def test_a_script_hands_on_every_value_as_it_is() -> None:
    nasty = "a'b\"$(reboot)\n#SBATCH --account=other"
    directives = server_directives(SITE.lanes["batch"], SITE.shapes["gpu"], 5400)
    script = server_script(ServerJob(directives, {"NAME": nasty, "HOME": "/"}, ["printenv", "NAME"], ["true"]))
    done = _run(script)
    assert done == f"{nasty}\n"
    head = script.partition('cd -- "$HOME"')[0].splitlines()
    assert head[1:] == list(directives)
    assert {"#SBATCH --time=90", "#SBATCH --gres=gpu:1", "#SBATCH --qos=normal"} <= set(head)


def test_what_comes_after_the_server_runs_after_it() -> None:
    script = server_script(ServerJob([], {"HOME": "/"}, ["echo", "server"], ["echo before"], ["echo after"]))
    done = _run(script)
    assert done.split() == ["before", "server", "after"]


def test_progress_is_replayed_and_says_nothing_twice() -> None:
    async def play() -> list[object]:
        progress = Progress()
        progress.tell(5, "submitted")
        progress.tell(10, "waits, 1 s", "PENDING")
        progress.tell(10, "waits, 2 s", "PENDING")
        read = asyncio.ensure_future(_all(progress))
        await asyncio.sleep(0)
        progress.tell(50, "runs")
        progress.finish()
        first = await read
        assert first == await _all(progress)
        return first

    assert asyncio.run(play()) == ["submitted", "waits, 1 s", "runs"]


def _run(script: str) -> str:
    argv = ["/bin/bash"]
    return subprocess.run(argv, input=script, capture_output=True, text=True, check=True, timeout=10).stdout


async def _all(progress: Progress) -> list[object]:
    return [event["message"] async for event in progress.replay()]


def test_why_a_job_waited_is_not_why_it_was_cancelled() -> None:
    job = Job(id="7", name="jupyter-1", state=JobState.CANCELLED, reason="ReqNodeNotAvail")
    assert ended(job) == "The server's job 7 was cancelled before the server was up."
    failed = job.model_copy(update={"state": JobState.FAILED, "reason": "NonZeroExitCode"})
    assert ended(failed).endswith("The job's script ended with an error.")


def test_a_log_is_shown_as_text() -> None:
    text, html = with_log("It failed.", "<script>")
    assert "<script>" in text
    assert "&lt;script&gt;" in html
    assert with_log("It failed.", " \n")[0] == "It failed."
