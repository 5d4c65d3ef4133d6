"""Dask's pages through the Jupyter server: by the cluster's name, below any prefix, for its user only."""

import json

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.conftest import Fetch


async def until_up(fetch: Fetch, name: str) -> None:
    """Wait for the head."""
    while json.loads((await fetch("ihpc", "api", "clusters", name)).body)["head"]["state"] != "up":
        continue


async def test_pages_and_live_connections_reach_the_head(
    jp_fetch: Fetch, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    await jp_fetch("ihpc", "api", "clusters", method="POST", body='{"name": "demo"}')
    await until_up(jp_fetch, "demo")
    page = await jp_fetch("ihpc", "dashboard", "demo", "status")
    assert b"Dask" in page.body
    counts = json.loads((await jp_fetch("ihpc", "dashboard", "demo", "json", "counts.json")).body)
    assert counts["workers"] == 0
    stream = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}ihpc/dashboard/demo/status/ws"
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(stream)
    assert refused.value.code == 403
    live = await websocket_connect(HTTPRequest(stream, headers=jp_auth_header))
    assert live.protocol is not None
    live.close()


async def test_nothing_but_reading_and_nothing_but_pages(jp_fetch: Fetch) -> None:
    await jp_fetch("ihpc", "api", "clusters", method="POST", body='{"name": "demo"}')
    await until_up(jp_fetch, "demo")
    for path, code in ((("ihpc", "state"), 404), (("..", "ihpc", "state"), 404)):
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch("ihpc", "dashboard", "demo", *path)
        assert refused.value.code == code
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("ihpc", "dashboard", "demo", "ihpc", "close", method="POST", body="")
    assert refused.value.code == 405
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("ihpc", "dashboard", "nope", "status")
    assert refused.value.code == 404
