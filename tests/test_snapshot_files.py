"""The snapshot's files: what is refused, whose wishes count, whose part is whose."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.wishes import read_wishes
from ihpc_jupyter.errors import InvalidRequest, Rejected
from ihpc_jupyter.scheduler.slurm_shares import split_by_owner
from ihpc_jupyter.scheduler.slurm_text import FIELD, RECORD
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, SnapshotPaths
from ihpc_jupyter.scheduler.snapshot_files import SnapshotFiles
from ihpc_jupyter.scheduler.snapshot_reader import Unusable
from tests.publishing import ME, publish, row

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "snapshot")
    made.open(SiteSnapshot(site="bed"))
    return made


def writable(paths: SnapshotPaths) -> None:
    paths.directory.chmod(0o777)


def foreign(paths: SnapshotPaths) -> None:
    os.chown(paths.site, NOBODY, -1)


def half(paths: SnapshotPaths) -> None:
    paths.site.write_text(paths.site.read_text()[:-9])


def linked(paths: SnapshotPaths) -> None:
    paths.site.rename(paths.directory / "other")
    paths.site.symlink_to("other")


def absent(paths: SnapshotPaths) -> None:
    paths.site.unlink()


def stale(paths: SnapshotPaths) -> None:
    then = time.time() - 60
    os.utime(paths.alive, (then, then))


def ahead(paths: SnapshotPaths) -> None:
    then = time.time() + 60
    os.utime(paths.alive, (then, then))


def stopped(paths: SnapshotPaths) -> None:
    paths.alive.unlink()


def newer(paths: SnapshotPaths) -> None:
    paths.site.write_text(paths.site.read_text().replace('"version":1', '"version":2'))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (writable, "others than its owner may write"),
        pytest.param(foreign, "not its writer's own file", marks=as_root),
        (half, "cannot be understood"),
        (linked, "cannot be read"),
        (absent, "there is no"),
        (stale, r"silent for 6\d s"),
        (ahead, "from the future"),
        (stopped, "nobody writes it"),
        (newer, "cannot be understood"),
    ],
)
def test_what_is_not_to_be_trusted_is_not_used(
    publisher: Publisher, harm: Callable[[SnapshotPaths], None], why: str
) -> None:
    publish(publisher)
    files = SnapshotFiles(publisher.paths.directory)
    assert files.site().site == "bed"
    harm(publisher.paths)
    with pytest.raises(Unusable, match=why):
        files.site()


def test_an_answer_from_the_future_is_not_used(publisher: Publisher) -> None:
    publish(publisher, asked_at=time.time() + 60)
    with pytest.raises(Unusable, match="future"):
        SnapshotFiles(publisher.paths.directory).site()


def test_my_jobs_are_mine_and_whole(publisher: Publisher) -> None:
    publish(publisher, row("7"))
    files, path = SnapshotFiles(publisher.paths.directory), publisher.paths.jobs(ME)
    first = files.jobs()
    assert first is not None
    assert first.text == row("7")
    assert files.jobs() is first, "what has not changed is not read again"
    written = path.stat().st_mtime_ns
    publish(publisher, row("7"))
    assert path.stat().st_mtime_ns == written, "nor is it written again"
    publish(publisher, row("8"))
    assert files.jobs() is not first
    whole = path.read_text()
    for broken in (whole[:-5], whole.replace(f'"uid":{ME}', f'"uid":{ME + 1}')):
        path.chmod(0o600)
        path.write_text(broken)
        with pytest.raises(Unusable):
            files.jobs()
    path.unlink()
    assert files.jobs() is None


def test_a_writer_takes_only_a_directory_of_its_own_and_is_alone_there(tmp_path: Path) -> None:
    told = SiteSnapshot(site="bed")
    first, second = Publisher(tmp_path / "a"), Publisher(tmp_path / "a")
    first.open(told)
    with pytest.raises(Rejected, match="Another writer"):
        second.open(told)
    first.jobs({ME: row("7")}, set())
    first.close()
    assert not first.paths.alive.exists()
    second.open(told)
    assert not second.paths.jobs(ME).exists(), "what another writer told may no longer be so"
    second.close()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(InvalidRequest, match="writer's own"):
        Publisher(tmp_path / "link").open(told)
    with pytest.raises(InvalidRequest):
        Publisher(tmp_path / "no" / "where").open(told)


@as_root
def test_each_users_file_is_that_users_alone(publisher: Publisher) -> None:
    publisher.jobs({NOBODY: row("7"), 4711: row("8")}, set())
    for uid in (NOBODY, 4711):
        found = publisher.paths.jobs(uid).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (uid, 0o400)


def test_marks_count_by_their_owner_and_rubbish_is_removed(tmp_path: Path) -> None:
    now = time.time()
    for name, ago in (
        ("0" * 16 + ".looks", 3.0),
        ("1" * 16 + ".waits", 2.0),
        ("2" * 16 + ".waits", -60.0),
        ("3" * 16 + ".looks", 7200.0),
        ("root.waits", 0.0),
        ("4" * 16 + ".room", 0.0),
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - ago, now - ago))
    (tmp_path / ("5" * 16 + ".waits")).symlink_to("/etc/passwd")
    (tmp_path / ("6" * 16 + ".waits")).mkdir()
    wishes = read_wishes(tmp_path, now)
    assert abs(wishes.looks - (now - 3)) < 0.01
    assert abs(wishes.waits - (now - 2)) < 0.01
    assert wishes.readers == {ME}
    left = {path.name[0] for path in tmp_path.iterdir()}
    assert left == {"0", "1", "2"}


def test_too_many_marks_of_one_user_are_removed(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:016x}.waits").touch()
    assert read_wishes(tmp_path, time.time()).waits > 0
    assert len(list(tmp_path.iterdir())) == 64


def test_nobody_writes_into_anothers_part() -> None:
    word = f"{RECORD}unknown{RECORD}"
    hostile = f"x{RECORD}0{FIELD}{row('666')}"
    parts = split_by_owner(f"1000{FIELD}{row('7')[:-1]}{hostile}{word}\n0{FIELD}{row('8')[:-1]}{word}\n", word)
    assert set(parts) == {0, 1000}
    assert parts[0] == row("8")
    assert parts[1000].count(RECORD) == 1


def test_a_directory_that_cannot_be_used_is_one_error_and_nothing_before_it(tmp_path: Path) -> None:
    taken, site_file = tmp_path / "taken", tmp_path / "site.toml"
    taken.touch()
    lane = '[sites.bed.lanes.batch]\npartition = "batch"\n[sites.bed.shapes.s]\ncores = 1\n'
    site_file.write_text(f'[sites.bed]\nkind = "slurm"\nspool = "{tmp_path}/spool"\n{lane}')
    program = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, "site", "snapshot", "bed", "--directory", str(taken)]
    environment = {**os.environ, "IHPC_SITE_FILE": str(site_file), "IHPC_SYSTEM_SITE_FILE": os.devnull}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    told = f"ihpc: {taken} is not a directory of the writer's own.\n      Name one that does not exist yet.\n"
    assert (done.stdout, done.stderr) == ("", told)
