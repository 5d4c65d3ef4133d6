"""Who may pass the door, and what it says to bad input."""

import itertools
import json
import time
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from ihpc_jupyter.agent.api import ROUTES as AGENT_ROUTES
from ihpc_jupyter.model.protocol import About, Fault, Snapshot
from ihpc_jupyter.server.routes import ROUTES
from tests.server.conftest import Fetch

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD")


def every_path() -> list[str]:
    """An example of every route of the door, and of every route of the agent behind it."""
    named = [path.replace("([^/]+)", "demo").replace("([0-9a-f]+)", "0a1b") for path, _ in AGENT_ROUTES]
    behind = [f"ihpc{path}" for path in named if path != ".*"]
    return ["ihpc/api/stream", "ihpc/dashboard/demo/status", *behind]


def test_the_list_of_paths_covers_the_route_table() -> None:
    assert len(ROUTES) == 3
    assert len(every_path()) == len(AGENT_ROUTES) + 1


async def test_strangers_get_403_everywhere(
    jp_fetch: Fetch, jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    for path, method in itertools.product(every_path(), METHODS):
        body = "{}" if method in ("POST", "PATCH", "PUT") else None
        with pytest.raises(HTTPClientError) as refused:
            await http_server_client.fetch(jp_base_url + path, method=method, body=body, follow_redirects=False)
        # A method that a path does not have may be refused before anybody asks who calls.
        allowed = (403,) if method == "GET" else (403, 405)
        assert refused.value.code in allowed, (method, path)


async def test_strangers_cannot_listen(jp_fetch: Fetch, jp_http_port: int, jp_base_url: str) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(f"ws://127.0.0.1:{jp_http_port}{jp_base_url}ihpc/api/stream")
    assert refused.value.code == 403


class NoHpc(Authorizer):
    """A user who may do everything but this."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "ihpc"


async def test_users_without_the_right_get_403(jp_serverapp: Any, jp_fetch: Fetch) -> None:
    jp_serverapp.web_app.settings["authorizer"] = NoHpc(parent=jp_serverapp)
    for path in every_path():
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch(*path.split("/"))
        assert refused.value.code == 403, path


async def test_users_without_the_right_cannot_listen(
    jp_serverapp: Any, jp_fetch: Fetch, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    jp_serverapp.web_app.settings["authorizer"] = NoHpc(parent=jp_serverapp)
    request = HTTPRequest(f"ws://127.0.0.1:{jp_http_port}{jp_base_url}ihpc/api/stream", headers=jp_auth_header)
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(request)
    assert refused.value.code == 403


BAD_TARGETS = [-1, 2.5, 10**9, "4", None, [], {}, True, 65]
BAD_CLUSTERS: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": "a\n#SBATCH --wrap=x"},
    {"name": "demo\n"},
    {"name": "#SBATCH"},
    {"name": "../../etc"},
    {"name": "x" * 33},
    {"name": "UPPER"},
    {"name": 7},
    {"name": "demo", "unknown": 1},
    {"name": "demo", "account": "a b"},
    {"name": "demo", "account": "x\n#SBATCH -p y"},
    {"name": "demo", "idle_timeout": -1},
    {"name": "demo", "idle_timeout": "soon"},
    {"name": "demo", "placement": "moon"},
    {"name": "demo", "environment": {"python": "relative/python"}},
    {"name": "demo", "environment": {"python": "/bin/py\nthon"}},
    {"name": "demo", "groups": {}},
    {"name": "demo", "groups": {"head": {}}},
    {"name": "demo", "groups": {"a b": {}}},
    {"name": "demo", "groups": {"main": {"target": 65}}},
    {"name": "demo", "groups": {"main": {"adapt": {"minimum": 5, "maximum": 2}}}},
    {"name": "demo", "groups": {"main": {"adapt": {"minimum": 0, "maximum": 10**9}}}},
    {"name": "demo", "groups": {"main": {"shape": {"cores": 0}}}},
    {"name": "demo", "groups": {"main": {"shape": {"cores": 1, "processes": 2}}}},
    {"name": "demo", "groups": {"main": {"shape": {"memory": "plenty"}}}},
    {"name": "demo", "groups": {"main": {"time_limit": 0}}},
    {"name": "demo", "groups": {"main": {"time_limit": "1e400"}}},
]


async def fault(fetch: Fetch, status: int, *path: str, **request: Any) -> Fault:
    """The fault that this request is answered with."""
    with pytest.raises(HTTPClientError) as refused:
        await fetch(*path, **request)
    assert refused.value.code == status, refused.value.response
    assert refused.value.response is not None
    told = Fault.model_validate_json(refused.value.response.body)
    assert told.message
    return told


async def test_a_bad_cluster_is_refused_in_a_sentence(jp_fetch: Fetch) -> None:
    for body in BAD_CLUSTERS:
        told = await fault(jp_fetch, 422, "ihpc", "api", "clusters", method="POST", body=json.dumps(body))
        assert told.error == "invalid", body
    snapshot = Snapshot.model_validate_json((await jp_fetch("ihpc", "api", "snapshot")).body)
    assert snapshot.clusters == ()


async def test_broken_json_is_refused(jp_fetch: Fetch) -> None:
    for body in ("", "{", "nonsense", "[]", "null", "\x00", '{"name": "demo"', "9" * 100):
        await fault(jp_fetch, 422, "ihpc", "api", "clusters", method="POST", body=body)


async def test_a_giant_body_is_refused(jp_fetch: Fetch) -> None:
    body = json.dumps({"name": "x" * (2 << 20)})
    told = await fault(jp_fetch, 422, "ihpc", "api", "clusters", method="POST", body=body)
    assert "too large" in told.message


MISSING = [
    ("GET", "clusters/nope", "none yet"),
    ("PATCH", "clusters/nope", "none yet"),
    ("DELETE", "clusters/nope", "none yet"),
    ("POST", "clusters/nope/retry", "none yet"),
    ("GET", "clusters/nope/connection", "none yet"),
    ("GET", "sites/nope", "local"),
    ("GET", "nothing/here", "docs/api.md"),
]


async def test_what_is_not_there_is_404(jp_fetch: Fetch) -> None:
    for method, path, hint in MISSING:
        body = {"POST": "{}", "PATCH": '{"groups": {"main": {"target": 1}}}'}.get(method)
        told = await fault(jp_fetch, 404, "ihpc", "api", *path.split("/"), method=method, body=body)
        assert hint in told.hint


async def test_a_cluster_is_untouched_by_bad_changes(jp_fetch: Fetch) -> None:
    cluster = {"name": "demo", "groups": {"main": {"target": 0}}}
    made = await jp_fetch("ihpc", "api", "clusters", method="POST", body=json.dumps(cluster))
    assert made.code == 201
    path = ("ihpc", "api", "clusters", "demo")
    for target in BAD_TARGETS:
        patch = json.dumps({"groups": {"main": {"target": target}}})
        await fault(jp_fetch, 422, *path, method="PATCH", body=patch)
    too_many = await fault(jp_fetch, 422, *path, method="PATCH", body='{"groups": {"main": {"target": 65}}}')
    assert "at most 64" in too_many.message
    unknown = await fault(jp_fetch, 404, *path, method="PATCH", body='{"groups": {"other": {"target": 1}}}')
    assert "main" in unknown.hint
    both = '{"groups": {"main": {"target": 1, "adapt": {"maximum": 2}}}}'
    await fault(jp_fetch, 422, *path, method="PATCH", body=both)
    await fault(jp_fetch, 409, "ihpc", "api", "clusters", method="POST", body=json.dumps(cluster))
    await fault(jp_fetch, 422, *path, "log", params={"job": "../../etc/passwd"})
    await fault(jp_fetch, 404, *path, "log", params={"job": "99_9"})
    await fault(jp_fetch, 404, *path, "script", params={"group": "other"})
    await fault(jp_fetch, 422, *path, "script")
    view = json.loads((await jp_fetch(*path)).body)
    assert view["groups"]["main"]["target"] == 0


async def test_bad_input_moves_neither_memory_nor_latency(jp_fetch: Fetch) -> None:
    async def about() -> About:
        return About.model_validate_json((await jp_fetch("ihpc", "api", "about")).body)

    path, bodies = ("ihpc", "api", "clusters"), [json.dumps(body) for body in BAD_CLUSTERS]
    bodies += [json.dumps({"name": "demo", "groups": {"main": {"target": 10**target}}}) for target in range(3, 30)]
    for body in bodies:
        await fault(jp_fetch, 422, *path, method="POST", body=body)
    before, took = await about(), []
    for body in bodies * 4:
        began = time.perf_counter()
        await fault(jp_fetch, 422, *path, method="POST", body=body)
        took.append(time.perf_counter() - began)
    assert (await about()).memory - before.memory < 8 << 20
    assert sorted(took)[len(took) // 2] < 0.1


async def test_the_stream_begins_with_the_snapshot_and_tells_changes(
    jp_fetch: Fetch, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    request = HTTPRequest(f"ws://127.0.0.1:{jp_http_port}{jp_base_url}ihpc/api/stream", headers=jp_auth_header)
    stream = await websocket_connect(request)
    first = json.loads(await stream.read_message() or "{}")
    assert first["kind"] == "snapshot"
    assert first["snapshot"]["clusters"] == []
    await jp_fetch("ihpc", "api", "clusters", method="POST", body='{"name": "demo"}')
    revision = first["revision"]
    while True:
        change = json.loads(await stream.read_message() or "{}")
        assert change["revision"] in (revision, revision + 1)
        revision = change["revision"]
        if change["kind"] == "cluster":
            break
    assert change["cluster"]["name"] == "demo"
    stream.close()
