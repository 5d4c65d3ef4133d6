"""The whole path in Chromium, as ordinary users: from the login to a cluster and an urgent cell, and stop."""

import re
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from playwright.sync_api import Route, expect

from tests.hub.hub import Hub, token_of
from tests.hub.person import PICTURES, Person, people
from tests.slurmbed import SlurmBed, wait_until
from tests.ui.lab import SECOND, Lab

ALICE, BOB = "ihpc-alice", "ihpc-bob"
LATE = 5.0
"""Seconds after which a hub with much to do answers: a page whose hub was away asks it anew after three."""

WORK = """\
from ihpc_jupyter import Cluster
client = Cluster("first").client()
total = sum(client.gather(client.map(lambda n: n * n, range(10))))
print("squares:", total)"""

URGENT = """\
%%urgent 90s
import os
answer, user, job = total + 1, os.environ["USER"], os.environ["SLURM_JOB_ID"]"""

KNOCK_AT_AGENT = """\
import socket, sys
with socket.socket(socket.AF_UNIX) as knock:
    knock.connect(sys.argv[1])
    knock.sendall(b"GET /api/about HTTP/1.0\\r\\nHost: agent\\r\\n\\r\\n")
    print(knock.recv(12).decode())
"""

KNOCK_AT_SCHEDULER = """\
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
if sys.argv[3:]:
    context.load_cert_chain(*sys.argv[3:])
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as plain:
    with context.wrap_socket(plain) as knock:
        print("heard" if knock.recv(1) else "closed")
"""


def test_two_users_from_login_to_an_urgent_answer_and_stop(lab_hub: Hub, slurm: SlurmBed) -> None:
    with people(lab_hub, ALICE, BOB) as (alice, bob):
        correct_a_mistake(alice)
        alice.send()
        blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--cpus-per-task=3") for _ in slurm.nodes]
        for blocker in blockers:
            slurm.wait_for_job(blocker, "RUNNING")
        wait_in_the_queue(bob, slurm)
        lab = alice.lab()
        job_id = str(lab_hub.server(ALICE)["state"]["job_id"])
        job = slurm.job(job_id)
        assert (job["JobState"], job["Partition"], job["TimeLimit"]) == ("RUNNING", "interactive", "00:30:00")
        assert job["UserId"].startswith(ALICE)
        its_token_is_nowhere_to_be_read(slurm, job_id)
        slurm.run("scancel", *blockers)
        work_and_ask_urgently(lab, slurm)
        bob.lab()
        nobody_reaches_what_is_anothers(alice, bob, slurm)
        with_hands_on_the_same_machine(alice, bob, slurm)
        lab_hub.stop_cluster(ALICE, "first")
        alice.stop_server()
        slurm.wait_for_job(job_id, "CANCELLED")
        lab_hub.wait_for_none(ALICE)
        assert lab_hub.server(BOB)["ready"]


def test_a_start_that_failed_says_so_and_where_to_choose_again(hub: Hub) -> None:
    with hub.broken(BOB), people(hub, BOB) as (bob,):
        bob.open_form()
        bob.lane("batch").check()
        bob.send()
        heading = bob.page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Your server did not start", timeout=20 * SECOND)
        expect(bob.told).to_contain_text("the module system is broken")
        expect(bob.page.get_by_role("button", name="Stop Server")).to_be_hidden()
        bob.picture("failed")
        bob.page.get_by_role("link", name="Choose again").click()
        expect(bob.lane("batch")).to_be_checked()


def test_a_page_goes_on_by_itself_when_its_hub_was_away(hub: Hub, slurm: SlurmBed) -> None:
    blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--cpus-per-task=3") for _ in slurm.nodes]
    for blocker in blockers:
        slurm.wait_for_job(blocker, "RUNNING")
    with people(hub, BOB) as (bob,):
        bob.open_form()
        bob.lane("batch").check()
        bob.page.get_by_label("Cores and memory").select_option("large")
        bob.send()
        expect(bob.told).to_contain_text("waits in lane batch", timeout=20 * SECOND)
        job_id = hub.server(BOB)["state"]["job_id"]
        hub.kill()
        hub.start()
        log = bob.page.locator("#progress-log")
        expect(log).not_to_contain_text("is being submitted", timeout=30 * SECOND)  # told by the hub that went
        expect(bob.told).to_contain_text(f"Job {job_id} waits in lane batch", timeout=20 * SECOND)
        lines = log.inner_text().splitlines()
        assert len(set(lines)) == len(lines), "nothing is told twice"
        slurm.run("scancel", *blockers)
        bob.page.wait_for_url(f"**/user/{BOB}/**", timeout=40 * SECOND)


def correct_a_mistake(person: Person) -> None:
    """By keyboard: a time that cannot be had, the link to its field, a better one."""
    person.open_form()
    expect(person.lane("urgent")).to_be_visible()
    person.lane("interactive").check()
    # The first who looks finds nothing told yet: the page tells it, too, once the hub knows.
    expect(person.page.get_by_text("of 16 cores free")).to_have_count(4, timeout=30 * SECOND)
    expect(person.lane("interactive")).to_be_checked()
    person.picture("form")
    person.page.get_by_label("Time", exact=True).fill("1y")
    person.page.keyboard.press("Enter")
    link = person.page.locator(".spawn-error-msg a")
    expect(link).to_contain_text("time: '1y' cannot be had")
    expect(link).to_be_focused()
    person.picture("form-refused")
    person.page.keyboard.press("Enter")
    field = person.page.get_by_label("Time", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_value("1y")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("30m")


def wait_in_the_queue(person: Person, slurm: SlurmBed) -> None:
    """The page with the progress while the job waits: what it says, and that it is announced."""
    person.open_form()
    expect(person.lane("urgent")).to_have_count(0)
    person.lane("batch").check()
    person.page.get_by_label("Cores and memory").select_option("large")
    person.send()
    expect(person.told).to_contain_text("It is number 1 in its queue", timeout=20 * SECOND)
    expect(person.page.get_by_role("status").first).to_contain_text("waits in lane batch")
    timer = person.page.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^Waiting for 0:00:\d\d$"))
    before = timer.inner_text()
    expect(timer).not_to_have_text(before)
    person.picture("progress")
    log = person.page.locator("#progress-log")
    before = log.inner_text()
    person.page.reload()
    # Lines come one by one, and more of them while the job waits on.
    wait_until(lambda: log.inner_text().startswith(before), "a page that is loaded again tells all of it", 20)
    lines = log.inner_text().splitlines()
    assert len(set(lines)) == len(lines), "and nothing twice"
    expect(person.told).to_contain_text("It is number 1 in its queue")
    stop_a_named_one(person)
    person.page.goto(f"{person.hub.url}/hub/spawn-pending/{person.user}")


def _answered_late(route: Route) -> None:
    answer = route.fetch()
    time.sleep(LATE)  # the page has time to hear that the start's news have ended
    route.fulfill(response=answer)


def stop_a_named_one(person: Person) -> None:
    """Another server of the same user, stopped by the button of its own page, by a hub that takes its time."""
    person.hub.order(person.user, "second", lane="batch", shape="large")
    person.page.route("**/hub/api/users/*/servers/second*", _answered_late)
    person.page.goto(f"{person.hub.url}/hub/spawn-pending/{person.user}/second")
    expect(person.told).to_contain_text("waits in lane batch", timeout=20 * SECOND)
    person.page.get_by_role("button", name="Stop Server").click()
    wait_until(lambda: "second" not in person.hub.servers(person.user), "its start is cancelled", 20)
    person.page.wait_for_url("**/hub/home", timeout=20 * SECOND)  # of the server that never ran there is no page
    person.page.unroute("**/hub/api/users/*/servers/second*")
    assert person.hub.server(person.user)["pending"] == "spawn", "the other goes on"


def work_and_ask_urgently(lab: Lab, slurm: SlurmBed) -> None:
    """A cluster made in the side bar, used in a notebook; then an urgent cell."""
    card = lab.new_cluster("first", 2, lane="interactive")
    card.wait(working=2)
    workers = slurm.run("squeue", "--noheader", f"--user={ALICE}", "--partition=interactive", "--array").stdout
    assert len(workers.splitlines()) == 3, "two workers' jobs beside the Lab's own"
    lab.new_notebook()
    outputs = lab.page.locator(".jp-Notebook .jp-OutputArea-output")
    lab.execute(WORK)
    expect(outputs.last).to_contain_text("squares: 285", timeout=40 * SECOND)
    lab.execute("%load_ext ihpc_jupyter")
    lab.execute(URGENT)
    lab.execute("print(answer, 'by', user, 'in job', job)")
    expect(outputs.last).to_contain_text(f"286 by {ALICE} in job", timeout=40 * SECOND)
    urgent = outputs.last.inner_text().split()[-1]
    assert slurm.job(urgent)["Partition"] == "urgent"
    lab.screenshot(PICTURES / "hub-lab-1280.png")


def its_token_is_nowhere_to_be_read(slurm: SlurmBed, job_id: str) -> None:
    """Neither in what Slurm tells of the job nor on any command line."""
    token = token_of(job_id)
    assert token not in slurm.run("scontrol", "show", "job", "-dd", job_id).stdout
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not any(token in line for line in lines)


def nobody_reaches_what_is_anothers(owner: Person, other: Person, slurm: SlurmBed) -> None:
    """Through the browser and with a server's own token: pages, REST, the stream, dashboards."""
    base = f"/user/{owner.user}"
    paths = [
        "/lab",
        "/api/contents",
        "/ihpc/api/snapshot",
        "/ihpc/api/stream",
        "/ihpc/api/clusters/first/connection",
    ]
    paths += ["/ihpc/dashboard/first/status"]
    state = owner.hub.server(owner.user)["state"]
    token = token_of(str(other.hub.server(other.user)["state"]["job_id"]))
    for path in paths:
        assert owner.status(f"{base}{path}") in {200, 400}, (
            f"{path} answers its owner (a stream wants a WebSocket)"
        )
        assert other.status(f"{base}{path}") in {302, 403}, path
        for address in (owner.hub.url, state["ihpc"]["url"]):
            for headers in ({}, {"Authorization": f"token {token}"}):
                told = httpx.get(f"{address}{base}{path}", headers=headers)
                assert told.status_code in {302, 403}, f"{path} at {address} with {list(headers)}"
                assert "hub/" in told.headers.get("location", "hub/"), "sent to the login, nowhere else"
    page = other.page.goto(f"{owner.hub.url}{base}/lab")
    assert page is not None
    assert page.status == 403
    assert other.status(f"/hub/api/users/{owner.user}/server", "DELETE") in {403, 404}
    with httpx.Client(headers={"Authorization": f"token {token}"}) as as_other:
        assert as_other.get(f"{owner.hub.hub_api}/users/{owner.user}").status_code in {403, 404}
        assert as_other.get(f"{owner.hub.hub_api}/users/{owner.user}/server/progress").status_code in {403, 404}


def with_hands_on_the_same_machine(owner: Person, other: Person, slurm: SlurmBed) -> None:
    """From a terminal: the agent's socket, the keys, the cluster's scheduler."""
    where = slurm.job(str(owner.hub.server(owner.user)["state"]["job_id"]))["NodeList"]
    socket = f"{owner.hub.directory}/{owner.user}/run/{where}/agent.sock"
    assert said(slurm, owner, KNOCK_AT_AGENT, socket) == "HTTP/1.1 200"
    assert "PermissionError" in said(slurm, other, KNOCK_AT_AGENT, socket)
    answer = owner.page.request.get(f"{owner.hub.url}/user/{owner.user}/ihpc/api/clusters/first/connection")
    connection: dict[str, Any] = answer.json()
    place = urlsplit(connection["address"])
    node = next(name for name in slurm.nodes if str(place.hostname) in {name, slurm.plan.nodes[name].host})
    host, port = slurm.plan.nodes[node].host, str(place.port)
    keys = [connection["cert_file"], connection["key_file"]]
    assert said(slurm, owner, KNOCK_AT_SCHEDULER, host, port, *keys) == "heard"
    assert "PermissionError" in said(slurm, other, KNOCK_AT_SCHEDULER, host, port, *keys)
    assert "heard" not in said(slurm, other, KNOCK_AT_SCHEDULER, host, port)


def said(slurm: SlurmBed, person: Person, program: str, *words: str) -> str:
    """What a program of this user's says, the last line of its complaint included."""
    done = slurm.run(sys.executable, "-c", program, *words, user=person.user, check=False)
    return f"{done.stdout}{done.stderr}".strip().splitlines()[-1]
