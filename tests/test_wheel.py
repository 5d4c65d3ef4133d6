"""The wheel holds the front end and the server's configuration: whoever installs it needs no Node."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from what is under version control, as `pip install .` would."""
    source = tmp_path_factory.mktemp("source")
    names = subprocess.run(
        ["/usr/bin/git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, timeout=30
    )
    for name in names.stdout.decode().split("\0")[:-1]:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).exists():
            target.write_bytes((REPOSITORY / name).read_bytes())
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(target), str(source)]
    subprocess.run(build, check=True, timeout=300)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def test_the_front_end_is_inside(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    extension = "share/jupyter/labextensions/ihpc-jupyter"
    assert any(name.endswith(f"{extension}/package.json") for name in names)
    assert any(f"{extension}/static/remoteEntry" in name for name in names)
    assert any(name.endswith("jupyter_server_config.d/ihpc_jupyter.json") for name in names)


def test_the_widget_and_the_command_are_inside(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {"ihpc_jupyter/kernel/widget.js", "ihpc_jupyter/kernel/widget.css"} <= set(names)
    points = next(wheel.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert "ihpc = ihpc_jupyter.cli:main" in points


def test_the_hubs_pages_are_inside(wheel: zipfile.ZipFile) -> None:
    pages = {"spawn.html", "spawn_pending.html"}
    assert {f"ihpc_jupyter/hub/templates/{page}" for page in pages} <= set(wheel.namelist())


def test_nothing_of_the_tests_is_inside(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if name.startswith(("tests/", "examples/"))]
