"""Panes of clusters come back with the page, and close with their cluster."""

import re

from playwright.sync_api import expect

from tests.ui.conftest import Server
from tests.ui.lab import Lab
from tests.world import until


def test_panes_come_back_with_the_page_and_close_with_their_cluster(lab: Lab, server: Server) -> None:
    lab.new_cluster("demo", 1).wait(working=1)
    panes = lab.page.locator("[id='ihpc-cluster-demo'], [id='ihpc-dashboard-demo']")
    lab.run("ihpc:open-cluster", name="demo")
    lab.run("ihpc:open-dashboard", name="demo")
    expect(panes).to_have_count(2)
    until(
        lambda: kept(server) == {"ihpc-cluster-:ihpc-cluster-demo", "ihpc-dashboard-:ihpc-dashboard-demo"}, "kept"
    )
    lab.reload().ready()
    expect(panes).to_have_count(2)
    lab.page.goto("about:blank")
    with server.agent() as http:
        http.delete("/api/clusters/demo")
        until(lambda: not http.get("/api/snapshot").json()["clusters"], "the cluster is gone")
    lab.open()  # JupyterLab says when it is restored
    expect(panes).to_have_count(0)
    assert "New cluster" in lab.side_bar.inner_text()


def kept(server: Server) -> set[str]:
    """The panes of clusters in the latest workspace on disk."""
    files = (server.root / "workspaces").glob("*")
    latest = max(files, key=lambda one: one.stat().st_mtime_ns, default=None)
    return set(re.findall(r"ihpc-\w+-:ihpc-\w+-demo", latest.read_text())) if latest else set()
