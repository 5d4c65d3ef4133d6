"""Slurm's own metrics over HTTP: read where they answer; else sdiag is asked, as if there were none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.site import Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.slurm_metrics import LARGEST, parse_cycles
from ihpc_jupyter.scheduler.transport import Transport
from tests.asynchronous import run
from tests.slurmbed import FaultyCommands, SlurmBed

TEXT = """\
# HELP slurm_sched_cycle_cnt Scheduling cycle count
# TYPE slurm_sched_cycle_cnt gauge
slurm_sched_cycle_cnt 4711
# HELP slurm_sched_cycle_last Last scheduling cycle time
# TYPE slurm_sched_cycle_last gauge
slurm_sched_cycle_last 2500
# HELP slurm_bf_cycle_last Last backfill cycle time
# TYPE slurm_bf_cycle_last gauge
slurm_bf_cycle_last 125000
# HELP slurm_partition_cpus Partition total cpus
# TYPE slurm_partition_cpus gauge
slurm_partition_cpus{partition="batch"} 16
"""
"""As Slurm 25.11 writes it, by its documentation and source: that version was not at hand."""


@pytest.fixture
def commands(slurm: SlurmBed, tmp_path_factory: pytest.TempPathFactory) -> FaultyCommands:
    """One command alone, to be counted."""
    return FaultyCommands(Path(slurm.directory) / "faulty" / tmp_path_factory.mktemp("sdiag").name, ("sdiag",))


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives the same answer to everybody; its address, and what was asked, with its headers."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/metrics", asked


def http(body: str, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def slurm_with(bed: SlurmBed, commands: FaultyCommands, metrics: str, token: str | None = None) -> Slurm:
    site = Site(
        name="bed", kind=SiteKind.SLURM, lanes={"batch": Lane()}, shapes={"s": Shape()},
        polling=Polling(timeout=10), metrics=metrics, metrics_token=token,
    )  # fmt: skip
    environment = commands.env({**chosen_environment(), **bed.environment()})
    return Slurm(site, Transport(environment=environment))


def test_they_are_read_instead_of_asking_sdiag(slurm: SlurmBed, commands: FaultyCommands) -> None:
    async def story() -> None:
        async with serving(http(TEXT)) as (url, asked):
            batch = slurm_with(slurm, commands, f"{url}/")
            assert await batch.cycles() == {"main": 0.0025, "backfill": 0.125}
            assert [one.splitlines()[0] for one in asked] == ["GET /metrics/scheduler HTTP/1.1"]
            assert "token" not in asked[0].lower()
            assert batch.requests == 1, "it is counted as a request to the batch system"
            assert commands.calls("sdiag") == []
            await batch.close()

    run(story())


def test_a_site_that_wants_a_token_gets_the_one_that_is_in_the_file_now(
    slurm: SlurmBed, commands: FaultyCommands, tmp_path: Path
) -> None:
    """As Slurm 26.05 wants it where `MetricsAuthUsers` or `PrivateData` is set."""
    file = tmp_path / "token"

    async def story() -> None:
        async with serving(http(TEXT)) as (url, asked):
            batch = slurm_with(slurm, commands, url, str(file))
            for token in ("aaa.bbb.ccc", "SLURM_JWT=ddd.eee.fff"):
                file.write_text(f"{token}\n")
                file.chmod(0o600)
                assert await batch.cycles() == {"main": 0.0025, "backfill": 0.125}
                assert f"x-slurm-user-token: {token.rpartition('=')[2]}\r\n" in asked[-1].lower()
            await batch.close()

    run(story())


@pytest.mark.parametrize(
    ("text", "mode"),
    [(None, 0), ("aaa.bbb.ccc\n", 0o640), ("aaa.bbb.ccc\n", 0o604), ("two words\n", 0o600), ("", 0o600)],
    ids=["missing", "group", "others", "words", "empty"],
)
def test_a_token_that_others_may_read_or_that_is_none_goes_nowhere(
    slurm: SlurmBed, commands: FaultyCommands, tmp_path: Path, text: str | None, mode: int
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)

    async def story() -> None:
        async with serving(http(TEXT)) as (url, asked):
            batch = slurm_with(slurm, commands, url, str(file))
            await batch.cycles()
            assert asked == []
            assert len(commands.calls("sdiag")) == 1
            await batch.close()

    run(story())


def test_a_token_goes_with_an_address() -> None:
    told = {"name": "bed", "kind": "slurm", "lanes": {"batch": {}}, "shapes": {"s": {}}, "metrics_token": "~/t"}
    with pytest.raises(ValueError, match="metrics_token goes with metrics"):
        Site.model_validate(told)


@pytest.mark.parametrize(
    "answer",
    [
        http("a token is wanted", "403 Forbidden"),
        http("", "302 Found"),
        http("<html>a login page</html>"),
        http("slurm_jobs 3\n"),
        http(TEXT + "# " + "x" * LARGEST),
        b"",
    ],
    ids=["refused", "elsewhere", "page", "other", "large", "nothing"],
)
def test_what_is_no_such_answer_leaves_sdiag(slurm: SlurmBed, commands: FaultyCommands, answer: bytes) -> None:
    told: dict[str, float] = {}

    async def story() -> None:
        async with serving(answer) as (url, asked):
            batch = slurm_with(slurm, commands, url)
            told.update(await batch.cycles())
            assert len(asked) == 1
            assert len(commands.calls("sdiag")) == 1
            assert batch.requests == 2
            await batch.close()

    run(story())
    assert told.items().isdisjoint(parse_cycles(TEXT).items()), "sdiag's own figures"


def test_a_pass_that_has_not_been_is_left_out_and_rubbish_is_refused() -> None:
    assert parse_cycles(TEXT.replace("125000", "0")) == {"main": 0.0025}
    for wrong in ("", "slurm_sched_cycle_last much\nslurm_bf_cycle_last 1\n", "{", "slurm_sched_cycle_last"):
        with pytest.raises(Unavailable):
            parse_cycles(wrong)
