"""Binder's steps in a clean directory: what postBuild installs and start starts is the product, ready to use."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.lab_slurm import REPOSITORY, Lab, Workplace, workplace

BINDER = REPOSITORY / "binder"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that a clone would have, and no others."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (tmp_path / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, tmp_path / "repo" / name)
    return tmp_path / "repo"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """An empty environment first on the path, as conda's is in Binder's image."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    with workplace() as made:
        for name in ("PYTHONPATH", "IHPC_SITE_FILE", "VIRTUAL_ENV"):
            made.environment.pop(name, None)
        made.environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{made.environment['PATH']}"
        yield made


def run(place: Workplace, directory: Path, *argv: str) -> str:
    done = subprocess.run(
        argv, cwd=directory, env=place.environment, capture_output=True, text=True, timeout=560, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def test_the_files_keep_repo2dockers_conventions() -> None:
    environment = yaml.safe_load((BINDER / "environment.yml").read_text())
    assert any(str(item).startswith("python=3.") for item in environment["dependencies"])
    assert not (BINDER / "runtime.txt").exists()  # it would be ignored beside environment.yml
    for name in ("postBuild", "start"):
        text = (BINDER / name).read_text()
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "\nset -e\n" in text
        assert os.access(BINDER / name, os.X_OK)
    assert (BINDER / "start").read_text().endswith('exec "$@"\n')


@pytest.mark.timeout(900)
def test_the_steps_end_in_a_lab_with_the_extension(checkout: Path, place: Workplace) -> None:
    run(place, checkout, "bash", "binder/postBuild")
    assert re.search(
        r"ihpc-jupyter v[0-9.]+ .*enabled.*OK", run(place, checkout, "jupyter", "labextension", "list")
    )
    assert re.search(r"ihpc_jupyter\S*\s+enabled", run(place, checkout, "jupyter", "server", "extension", "list"))
    root = ["--allow-root"] if os.geteuid() == 0 else []
    lab = Lab(place, "bash", "binder/start", "jupyter", "lab", "--no-browser", *root, directory=checkout)
    try:
        told = lab.wait_for_address()
        headers = {"Authorization": f"token {told['token']}"}
        with httpx.Client(base_url=told["url"], headers=headers, timeout=30) as server:
            assert server.get("ihpc/api/about").json()["version"]
            sites = server.get("ihpc/api/snapshot").json()["sites"]
            assert [(status["site"]["name"], status["site"]["slots"]) for status in sites] == [("local", 4)]
            assert server.get("lab/extensions/ihpc-jupyter/static/style.js").is_success
            assert server.get("api/contents/examples/quickstart.ipynb?content=0").is_success
    finally:
        lab.stop()
