"""The quick start without a browser: run it, print its results and the life of its cluster.

``make demo``, or ``python examples/demo.py [--notebook FILE]``. Ends with 1 when the notebook fails.
"""

import argparse
import asyncio
import contextlib
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.model.cluster import ClusterView

EXAMPLES = Path(__file__).resolve().parent
CLUSTER = "quickstart"


class Story:
    """Prints what happens with the seconds since the beginning, as `column` tells who speaks."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, column: str, text: str) -> None:
        for line in text.strip().splitlines():
            print(f"{time.monotonic() - self._began:6.1f} s  {column:8} {line}", flush=True)


def life(view: ClusterView) -> str:
    """One line: what is wanted, what is so, and what stands in the way."""
    group = view.groups["main"]
    counts = "  ".join(f"{name} {number}" for name, number in group.counts.model_dump().items())
    reasons = [job.reason_text for job in group.jobs if job.reason_text]
    return f"{view.state.value:8} target {group.target}  {counts}  {' '.join(reasons[:1])}".rstrip()


async def follow(story: Story) -> None:
    """Tell the cluster's life as the agent reports it, a line a change, until it is gone."""
    last = ""
    async with AgentClient() as agent:
        async for change in agent.changes():
            views = [*(change.snapshot.clusters if change.snapshot else ()), change.cluster]
            for view in views:
                if view is not None and view.name == CLUSTER and (line := life(view)) != last:
                    last = line
                    story.tell("cluster", line)
            if change.kind == "cluster-gone" and change.name == CLUSTER:
                story.tell("cluster", "gone")
                return


class Reader(NotebookClient):  # type: ignore[misc]  # it publishes no types
    """Runs a notebook, and tells what a cell prints while it prints it."""

    def __init__(self, notebook: nbformat.NotebookNode, directory: Path, story: Story) -> None:
        quiet = ["--IPKernelApp.log_level=40"]
        place = {"metadata": {"path": str(directory)}}
        super().__init__(notebook, timeout=300, kernel_name="python3", extra_arguments=quiet, resources=place)
        self._story = story

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stdout":
            self._story.tell("notebook", msg["content"]["text"])
        return super().process_message(msg, cell, cell_index)


async def execute(notebook: nbformat.NotebookNode, directory: Path, story: Story) -> None:
    """Run all cells, telling their headings and what they print. Raises CellExecutionError."""
    reader = Reader(notebook, directory, story)
    async with reader.async_setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown" and (title := cell.source.splitlines()[0]).startswith("#"):
                story.tell("notebook", f"— {title.lstrip('# ')} —")
            await reader.async_execute_cell(cell, index)


async def ended(name: str, patience: float = 30.0) -> bool:
    """Whether the cluster's jobs and files are gone, after waiting for that."""
    until = time.monotonic() + patience
    async with AgentClient() as agent:
        while time.monotonic() < until:
            if name not in {view.name for view in (await agent.snapshot()).clusters}:
                return True
            await asyncio.sleep(0.2)
    return False


async def stop_after_failure(name: str) -> None:
    """Leave no cluster behind a notebook that did not get to its last cell."""
    with contextlib.suppress(IhpcError):
        async with AgentClient() as agent:
            await agent.stop(name)


async def demonstrate(notebook: Path) -> int:
    """Run the notebook in a copy of its directory; the exit code."""
    story = Story()
    following = asyncio.create_task(follow(story))
    with tempfile.TemporaryDirectory(prefix="ihpc-demo-") as directory:
        shutil.copytree(notebook.parent / "data", Path(directory) / "data")
        try:
            await execute(nbformat.read(notebook, as_version=4), Path(directory), story)
        except CellExecutionError as error:
            story.tell("failed", str(error))
            await stop_after_failure(CLUSTER)
            return 1
        finally:
            gone = await ended(CLUSTER)
            await asyncio.wait({following}, timeout=5)  # the last line may still be on its way
            following.cancel()
    if not gone:
        story.tell("failed", "the cluster is still there")
        return 1
    story.tell("demo", "done; nothing is left running but the agent, which leaves by itself")
    return 0


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description="Run the quick start without a browser.")
    parser.add_argument("--notebook", type=Path, default=EXAMPLES / "quickstart.ipynb")
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    try:
        return asyncio.run(demonstrate(parser.parse_args().notebook))
    except IhpcError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
