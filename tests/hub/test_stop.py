"""Stopping from a page without JavaScript: a plain form, for whoever may, with the page's own token."""

import re
from html import unescape

import httpx

from tests.hub.hub import Browser, Hub, running_hub
from tests.slurmbed import SlurmBed, wait_until

ALICE, BOB = "ihpc-alice", "ihpc-bob"


def waiting(hub: Hub, user: str, name: str = "") -> str:
    """The job of a server that is ordered and waits in the queue."""
    hub.order(user, name, lane="batch", shape="large")

    def its_job() -> str:
        return str((hub.servers(user).get(name, {}).get("state") or {}).get("job_id", ""))

    return str(wait_until(its_job, "the job is submitted", 30))


def fill(slurm: SlurmBed) -> None:
    """A job on each node, so that a large server has to wait."""
    blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--cpus-per-task=3") for _ in slurm.nodes]
    for blocker in blockers:
        slurm.wait_for_job(blocker, "RUNNING")


def form(page: httpx.Response) -> tuple[str, str]:
    """Where the form of a page without JavaScript leads, and the token in it."""
    shown = "".join(re.findall(r"<noscript>(.*?)</noscript>", page.text, re.DOTALL))
    found = re.search(
        r'<form method="post" action="([^"]+)">\s*<input type="hidden" name="_xsrf" value="([^"]+)"', shown
    )
    assert found is not None, shown
    assert "Stop Server</button>" in shown
    return unescape(found[1]), found[2]


def press(browser: Browser, user: str, name: str = "") -> httpx.Response:
    """The button of the page on which a start is told."""
    path, token = form(browser.get(f"/hub/spawn-pending/{user}/{name}".rstrip("/")))
    return browser.http.post(path, data={"_xsrf": token})


def test_a_start_is_stopped_without_javascript(hub: Hub, slurm: SlurmBed) -> None:
    fill(slurm)
    first, second = waiting(hub, ALICE), waiting(hub, ALICE, "second")
    browser = Browser(hub, ALICE)
    path, token = form(browser.get(f"/hub/spawn-pending/{ALICE}/second"))
    for _ in range(2):  # a second press, and one from a page that was left open
        home = browser.http.post(path, data={"_xsrf": token})
        assert (home.status_code, home.url.path) == (200, "/hub/home")
        slurm.wait_for_job(second, "CANCELLED")
    assert hub.server(ALICE)["pending"] == "spawn", "the other goes on"
    home = press(browser, ALICE)
    assert (home.status_code, home.url.path) == (200, "/hub/home")
    slurm.wait_for_job(first, "CANCELLED")
    hub.wait_for_none(ALICE)
    gone = browser.http.post(f"/hub/ihpc/stop/{ALICE}/never", data={"_xsrf": token})
    assert gone.url.path == "/hub/home", "there is nothing to stop"


def test_a_server_that_has_come_up_meanwhile_is_stopped_too(hub: Hub, slurm: SlurmBed) -> None:
    fill(slurm)
    job_id = waiting(hub, ALICE)
    browser = Browser(hub, ALICE)
    path, token = form(browser.get(f"/hub/spawn-pending/{ALICE}"))
    slurm.run("scancel", "--user=root")
    hub.wait_for_server(ALICE)
    assert browser.http.post(path, data={"_xsrf": token}).url.path == "/hub/home"
    slurm.wait_for_job(job_id, "CANCELLED")
    hub.wait_for_none(ALICE)


def test_a_start_of_an_earlier_hub_is_stopped_without_javascript(hub: Hub, slurm: SlurmBed) -> None:
    fill(slurm)
    jobs = {(user, name): waiting(hub, user, name) for user, name in ((ALICE, ""), (BOB, "second"))}
    hub.kill()
    hub.start()
    for (user, name), job_id in jobs.items():
        home = press(Browser(hub, user), user, name)
        assert (home.status_code, home.url.path) == (200, "/hub/home")
        slurm.wait_for_job(job_id, "CANCELLED")
        wait_until(lambda: not hub.servers(user), "it is gone", 30)  # noqa: B023


def test_who_may_stop_a_server_without_javascript_is_the_hubs_to_say(hub: Hub, slurm: SlurmBed) -> None:
    fill(slurm)
    waiting(hub, ALICE)
    alice, bob = Browser(hub, ALICE), Browser(hub, BOB)
    path, _ = form(alice.get(f"/hub/spawn-pending/{ALICE}"))
    bobs = bob.xsrf(f"/hub/spawn/{BOB}")
    assert alice.http.post(path).status_code == 403, "no token of the page"
    assert alice.http.post(path, data={"_xsrf": bobs}).status_code == 403, "another's"
    assert alice.get(path).status_code == 405, "nothing is stopped by following a link"
    assert httpx.post(f"{hub.url}{path}", data={"_xsrf": bobs}).status_code == 403, "nobody in particular"
    assert bob.http.post(path, data={"_xsrf": bobs}).status_code == 404, "not theirs"
    for unknown in ("nobody", f"{BOB}x", f"{ALICE}/second"):
        assert bob.http.post(f"/hub/ihpc/stop/{unknown}", data={"_xsrf": bobs}).status_code == 404
    assert hub.server(ALICE)["pending"] == "spawn"


def test_an_administrator_stops_anothers_start_without_javascript(possible: None, slurm: SlurmBed) -> None:
    fill(slurm)
    with running_hub(slurm, f"c.Authenticator.admin_users = {{{BOB!r}}}") as hub:
        job_id = waiting(hub, ALICE)
        home = press(Browser(hub, BOB), ALICE)
        assert (home.status_code, home.url.path) == (200, "/hub/home")
        slurm.wait_for_job(job_id, "CANCELLED")
        hub.wait_for_none(ALICE)
