"""The snapshot over HTTP: who is let in, what each is told, how long who has heard everything waits."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.visitors import Visitors
from ihpc_jupyter.centre.web import Listening, serve
from ihpc_jupyter.client.launch import KEPT, KEPT_XDG
from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.site import Lane, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, UserJobs
from ihpc_jupyter.scheduler.snapshot_line import listeners
from ihpc_jupyter.scheduler.snapshot_reader import Unusable
from ihpc_jupyter.scheduler.snapshot_url import SnapshotUrl
from ihpc_jupyter.scheduler.snapshot_web import News, Session, purpose
from ihpc_jupyter.scheduler.source import Wish
from tests.asynchronous import run
from tests.ports import free_ports
from tests.slurmbed import FaultyCommands, SlurmBed, wait_until
from tests.snapshots import SnapshotWriter
from tests.world import World

ALICE, BOB = "ihpc-alice", "ihpc-bob"
MOMENT = SiteSnapshot(site="bed", asked_at=100.0)


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}/services/snapshot/"


@pytest.fixture
def serving(world: World, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnapshotWriter]:
    """A writer that tells its snapshot at *url*."""
    world.describe_site(snapshot=url)
    commands = FaultyCommands(Path(world.bed.directory) / "faulty" / tmp_path_factory.mktemp("writer").name)
    environment = world.environment(world.runtime("writer"))
    options = ["--listen", urlsplit(url).netloc]
    with SnapshotWriter(world.root / "snapshot", environment, commands, options=options) as writer:
        yield writer


def credential(bed: SlurmBed, told: str, user: str | None = None) -> str:
    return bed.run("munge", f"--string={told}", user=user).stdout.strip()


def reader(bed: SlurmBed, url: str, user: str | None = None) -> SnapshotUrl:
    """That user's reader."""
    return SnapshotUrl(url, lambda told: credential(bed, told, user))


def jobs_of(reading: SnapshotUrl, user: str) -> str:
    """What a user is told of jobs, once that user's are among them."""

    def told() -> str:
        reading.mark(Wish.WAITS)
        reading.site()
        mine = reading.jobs()
        return mine.text if mine is not None and user in mine.text else ""

    return wait_until(told, "the user is told of jobs", 20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as several users")
def test_each_user_is_told_their_own_jobs(serving: SnapshotWriter, slurm: SlurmBed, url: str) -> None:
    for user in (ALICE, BOB):
        slurm.submit("--ntasks=1", "--mem=100M", user=user)
    readers = {user: reader(slurm, url, user) for user in (ALICE, BOB)}
    for user, other in ((ALICE, BOB), (BOB, ALICE)):
        told = jobs_of(readers[user], user)
        assert other not in told
    mine = readers[ALICE].jobs()
    assert mine is not None
    assert mine.uid == int(slurm.run("id", "-u", user=ALICE).stdout)
    for one in readers.values():
        one.close()


def test_who_is_not_who_they_say_is_told_nothing(serving: SnapshotWriter, slurm: SlurmBed, url: str) -> None:
    with httpx.Client(base_url=url, timeout=10) as http:

        def enter(told: str) -> httpx.Response:
            return http.post("session", content=told)

        for wrong in ("", "root", "MUNGE:abc:", "MUNGE:AwQFAADBvoyMqja28EhPHc/ulrUPznaJ:"):
            assert enter(wrong).status_code == 403
        assert enter("MUNGE:" + "a" * 5000 + ":").status_code in {400, 413, 422}
        elsewhere = enter(credential(slurm, purpose("https://elsewhere.example.org/snapshot")))
        assert elsewhere.status_code == 403
        assert "something else" in elsewhere.text
        good = credential(slurm, purpose(url.rstrip("/")))
        first = enter(good)
        assert first.status_code == 200
        again = enter(good)
        assert (again.status_code, "used before" in again.text) == (403, True)
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {first.json()['token']}"}):
            assert http.get("news", headers=headers).status_code == 401
            assert http.post("marks/waits", headers=headers).status_code == 401


def test_bad_questions_are_refused_in_words(serving: SnapshotWriter, slurm: SlurmBed, url: str) -> None:
    with httpx.Client(base_url=url, timeout=10) as http:
        entered = http.post("session", content=credential(slurm, purpose(url.rstrip("/"))))
        session = Session.model_validate_json(entered.content)
        http.headers["Authorization"] = f"Bearer {session.token}"
        assert session.token not in repr(session)
        for wrong in ({"wait": "3600"}, {"wait": "nan"}, {"wait": "soon"}, {"known": "../x"}, {"user": "root"}):
            answer = http.get("news", params=wrong)
            assert answer.status_code == 422
            assert next(iter(wrong)) in answer.text
        assert http.post("marks/nothing").status_code == 404
        assert http.get("news").status_code == 200
        assert http.delete("session").status_code == 200
        assert http.get("news").status_code == 401
    assert session.token not in serving.log.read_text()


def test_a_writer_that_begins_anew_is_entered_anew_and_told_what_is_wanted(
    serving: SnapshotWriter, slurm: SlurmBed, url: str
) -> None:
    reading = reader(slurm, url)
    assert reading.site().asked_at == 0.0, "nobody wants anything"
    serving.commands.hang("squeue")
    reading.mark(Wish.WAITS)
    serving.kill()
    with pytest.raises(Unusable, match="does not answer"):
        reading.site()
    serving.commands.clear()
    serving.paths.alive.unlink()
    serving.start()
    wait_until(lambda: _asked_at(reading), "it is asked, though the mark was made in another session", 20)
    reading.close()
    with pytest.raises(Unusable, match="no more"):
        reading.site()


def _asked_at(reading: SnapshotUrl) -> float:
    try:
        return reading.site().asked_at
    except Unusable:
        return 0.0


@pytest.mark.parametrize("step", [20.0, -20.0])
def test_a_clock_that_is_set_changes_nothing(
    serving: SnapshotWriter, slurm: SlurmBed, url: str, step: float
) -> None:
    reading = reader(slurm, url)
    reading.mark(Wish.LOOKS)
    assert reading._offset is not None
    reading._offset += step
    assert reading.site(patience=0.5).site == "bed"
    assert abs(reading.now - time.time()) < 5
    assert reading.here(time.time()) <= time.time()
    reading.close()


def test_a_snapshot_for_the_network_alone_leaves_no_files(
    world: World, slurm: SlurmBed, url: str, tmp_path: Path
) -> None:
    world.describe_site(snapshot=url)
    environment = {**world.environment(world.runtime("writer")), "RUNTIME_DIRECTORY": str(tmp_path)}
    options = ["--listen", urlsplit(url).netloc]
    commands = FaultyCommands(world.root / "faulty")
    writer = SnapshotWriter(world.root / "snapshot", environment, commands, options=options, keep=False)
    process = writer.begin()
    try:
        reading = reader(slurm, url)
        reading._line._refused_until = float("inf")

        def told() -> bool:
            reading._line._refused_until = 0.0  # it is tried at once again
            return _asked_at(reading) > 0.0

        wait_until(lambda: _answers(url), "it listens", 20)
        reading._line._refused_until = 0.0
        reading.mark(Wish.WAITS)
        wait_until(told, "it is told", 20)
        assert "each user's own" in writer.log.read_text()
        assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o700]
        reading.close()
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert not list(tmp_path.iterdir())
    assert not writer.paths.directory.exists()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}news").status_code == 401
    except httpx.HTTPError:
        return False


def test_a_refusal_is_not_tried_again_at_once(serving: SnapshotWriter, slurm: SlurmBed, url: str) -> None:
    tried: list[str] = []

    def wrong(told: str) -> str:
        tried.append(told)
        return credential(slurm, "for something else")

    reading = SnapshotUrl(url, wrong)
    for _ in range(5):
        with pytest.raises(Unusable, match="for something else"):
            reading.site()
    assert len(tried) == 1
    reading.close()


def test_on_loopback_a_strangers_listener_is_given_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners(port) == {os.getuid()}
        monkeypatch.setattr("ihpc_jupyter.scheduler.snapshot_line.listeners", lambda _: {4242})
        with pytest.raises(Unusable, match="somebody else listens"):
            SnapshotUrl(f"http://127.0.0.1:{port}", lambda _: pytest.fail("it was asked for")).site()


def test_connections_beyond_what_there_is_room_for_are_closed(tmp_path: Path) -> None:
    async def story() -> None:
        visitors = Visitors(lambda _: None)
        port = free_ports(1)[0]
        server = serve(f"http://127.0.0.1:{port}", Publisher(tmp_path), visitors, Listening("127.0.0.1", port))
        assert server.most > 100
        server.most = 2
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        async with asyncio.timeout(5):
            assert await opened[2][0].read() == await opened[3][0].read() == b""
        assert not opened[0][0].at_eof()
        for _, line in opened:
            line.close()
        server.stop()
        await server.close_all_connections()

    run(story())


def test_agents_trust_whom_their_starter_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/x.pem")
    assert chosen_environment(*KEPT, *KEPT_XDG)["SSL_CERT_FILE"] == "/x.pem"


def test_without_munge_it_is_said_what_is_missing(serving: SnapshotWriter, url: str) -> None:
    def none(_: str) -> str:
        raise Unavailable("MUNGE makes no credential.", "Is munged running on this host?")

    with pytest.raises(Unusable, match="Is munged running"):
        SnapshotUrl(url, none).site()


def certificate(directory: Path) -> list[str]:
    """A certificate for this host that nobody has signed but itself, and its key: the writer's options."""
    key, pem = ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.PEM
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "snapshot")])
    since, until = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until)
    signed = made.add_extension(host, critical=False).sign(key, hashes.SHA256())
    (directory / "snapshot.pem").write_bytes(signed.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "snapshot.key").write_bytes(private)
    return ["--certificate", str(directory / "snapshot.pem"), "--key", str(directory / "snapshot.key")]


def test_over_https_a_writer_is_believed_whom_the_machine_trusts(
    world: World, slurm: SlurmBed, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe = url.replace("http:", "https:")
    world.describe_site(snapshot=safe)
    environment = world.environment(world.runtime("writer"))
    options = ["--listen", urlsplit(url).netloc, *certificate(world.root)]
    commands = FaultyCommands(world.root / "faulty")
    with SnapshotWriter(world.root / "snapshot", environment, commands, options=options):
        with pytest.raises(Unusable, match="certificate verify failed"):
            reader(slurm, safe).site()
        monkeypatch.setenv("SSL_CERT_FILE", str(world.root / "snapshot.pem"))
        reading = reader(slurm, safe)
        assert reading.site().site == "bed"
        reading.close()


class Chunked(BaseHTTPRequestHandler):
    """A proxy that does not tell how long its answers are."""

    protocol_version = "HTTP/1.1"
    length = 1000

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(Session(token="a" * 30, uid=7, lasts=60).model_dump_json().encode())

    def do_DELETE(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        now = time.time()
        told = "x" * self.length
        news = News(revision="1", now=now, alive=now, site=MOMENT, jobs_revision="2", jobs=told)
        self._answer(news.model_dump_json().encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_an_answer_in_chunks_is_read_and_one_without_end_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Chunked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        reading = SnapshotUrl(f"http://127.0.0.1:{server.server_port}", lambda _: "MUNGE:a:")
        assert reading.site() == MOMENT
        assert reading.jobs() == UserJobs(uid=7, text="x" * 1000)
        monkeypatch.setattr("ihpc_jupyter.scheduler.snapshot_line.LARGEST", 1 << 20)
        monkeypatch.setattr(Chunked, "length", 2 << 20)
        with pytest.raises(Unusable, match="more than 1 MiB"):
            reading.site()
        reading.close()
        server.shutdown()


@pytest.mark.parametrize(
    "place",
    [
        "http://hub.example.org/snapshot",
        "ftp://127.0.0.1/x",
        "https://user:word@hub/x",
        "https://hub/x?y=1",
        "https://hub:99999/x",
    ],
)
def test_an_address_that_is_not_safe_is_refused(place: str) -> None:
    with pytest.raises(ValidationError, match="snapshot"):
        _site(place)


@pytest.mark.parametrize(
    "place", ["https://hub.example.org/services/x", "http://127.0.0.1:9555", "http://[::1]:9/x", "/srv/ihpc"]
)
def test_an_address_that_is_safe_is_taken(place: str) -> None:
    assert _site(place).snapshot == place


def _site(place: str) -> Site:
    return Site(name="bed", kind=SiteKind.SLURM, lanes={"a": Lane()}, shapes={"s": Shape()}, snapshot=place)


@pytest.mark.parametrize(
    ("place", "options", "said"),
    [
        ("https://hub.example.org/x", [], "--listen"),
        ("https://hub.example.org/x", ["--listen", "0.0.0.0:0"], "encrypted"),
        ("https://hub.example.org/x", ["--listen", "nowhere"], "HOST:PORT"),
        ("https://hub.example.org/x", ["--listen", "127.0.0.1:99999"], "no address"),
        (
            "https://hub.example.org/x",
            ["--listen", "0.0.0.0:0", "--certificate", "/x"],
            "cannot be served",
        ),
        ("/srv/ihpc", ["--listen", "127.0.0.1:0"], "told no address"),
    ],
)
def test_a_writer_that_cannot_serve_says_why(world: World, place: str, options: list[str], said: str) -> None:
    world.describe_site(snapshot=place)
    commands = FaultyCommands(world.root / "faulty")
    environment = {**world.environment(world.runtime()), "JUPYTERHUB_SERVICE_URL": ""}
    refused = SnapshotWriter(world.root / "snapshot", environment, commands, options=options)
    process = refused.begin()
    assert process.wait(20) == 1
    assert said in refused.log.read_text()
    assert "Traceback" not in refused.log.read_text()
