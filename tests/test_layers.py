"""The never-arrows of docs/architecture.md, and the size of things: read from the source, nothing is imported."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ihpc_jupyter"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "labextension" not in path.parts)

MAX_LINES = 400
MAX_FUNCTION = 60

OURS = {
    "model": {"model"},
    "errors": set(),
    "cluster": {"cluster", "model", "errors"},
    "runs": {"runs", "model", "errors"},
    "explain": {"explain", "model"},
    "metrics": {"metrics", "model", "errors"},
    "scheduler": {"scheduler", "model", "errors", "files"},
    "head": {"head", "driver", "model", "cluster", "files", "identity", "errors", "contexts", "version"},
    "client": {"client", "model", "errors", "paths", "scheduler", "sites", "files", "validation"},
    "server": {"server", "client", "model", "errors", "paths", "validation", "identity"},
    "driver": {"driver"},
    "kernel": {"kernel", "driver", "client", "model", "errors", "paths", "validation", "identity"},
    "hub": {"hub", "scheduler", "metrics", "model", "errors", "sites", "files"},
    "centre": {"centre", "scheduler", "sites", "model", "errors", "files"},
    "cli": {"cli", "client", "centre", "model", "errors", "paths", "validation", "identity"},
}
"""What of ours each layer may import; the agent, which holds all strings, is bounded by the outer world only."""

DASK = {"dask", "distributed", "dask_jobqueue"}
JUPYTER = {"jupyter", "jupyter_server", "jupyter_server_proxy", "jupyterlab", "jupyter_client", "jupyter_core"}
JUPYTER |= {"IPython", "ipykernel", "ipywidgets", "anywidget", "traitlets"}
PICKLES = {"pickle", "cloudpickle", "marshal", "shelve", "dill"}

OUTSIDE = {
    "model": DASK | JUPYTER | PICKLES | {"subprocess", "socket", "httpx", "tornado"},
    "errors": DASK | JUPYTER | PICKLES,
    "runs": DASK | JUPYTER | PICKLES | {"subprocess", "socket", "httpx", "tornado", "asyncio", "pathlib"},
    "explain": DASK | JUPYTER | PICKLES | {"subprocess", "socket", "httpx", "tornado", "asyncio", "pathlib"},
    "metrics": DASK
    | JUPYTER
    | PICKLES
    | {"subprocess", "socket", "httpx", "tornado", "asyncio", "pathlib", "time"},
    "cluster": DASK | JUPYTER | PICKLES | {"subprocess", "socket", "httpx", "tornado", "asyncio", "pathlib"},
    "scheduler": DASK | JUPYTER | PICKLES,
    "agent": DASK | JUPYTER | PICKLES,
    "client": DASK | JUPYTER | PICKLES,
    "server": DASK | PICKLES,
    "cli": DASK | JUPYTER | PICKLES,
    "hub": DASK | PICKLES,
    "centre": DASK | JUPYTER | PICKLES,
    "head": JUPYTER,
    "driver": DASK | JUPYTER | {"pydantic", "httpx", "tornado", "asyncio", "logging"},
}
"""What of the outer world each layer never imports."""

GUESTS = {"driver/dask_client.py": DASK}
"""Modules that may, nevertheless: imported where a run asks for it."""

STARTERS = {
    "scheduler/transport.py",
    "scheduler/local_process.py",
    "agent/headstart.py",
    "client/launch.py",
    "driver/script.py",
    "hub/singleuser.py",
}
"""The modules that may start programs."""

SLURM_SPEAKERS = {
    "scheduler/slurm.py",
    "scheduler/slurm_text.py",
    "scheduler/slurm_commands.py",
    "scheduler/slurm_for_many.py",
    "scheduler/slurm_for_all.py",
    "scheduler/slurm_launch.py",
    "scheduler/slurm_metrics.py",
    "scheduler/slurm_offers.py",
    "scheduler/slurm_policy.py",
    "scheduler/slurm_evidence.py",
    "scheduler/slurm_why.py",
    "scheduler/reasons.py",
    "scheduler/environment.py",
    "sites/discovery.py",
    "head/scripts.py",
    "driver/place.py",
}
"""The modules that may know the names of Slurm's commands and variables."""

SLURM_WORDS = re.compile(
    r"\b(sbatch|squeue|scancel|sinfo|sacct|sacctmgr|scontrol|srun|salloc)\b|\b(SLURM|SBATCH)_[A-Z]"
)


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def layer_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def imports(module: Path) -> Iterator[str]:
    """Dotted names of all that the module imports, wherever it does, but not what only type checkers see."""
    tree = tree_of(module)
    for_checkers = {id(inner) for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(module)}: imports say the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    """Strings that stand alone: they tell people something and do nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def texts(module: Path) -> Iterator[str]:
    """All strings that the program uses."""
    tree = tree_of(module)
    told = {id(node) for node in docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def test_the_walk_sees_the_package() -> None:
    assert len(MODULES) > 50
    assert set(OURS) | set(OUTSIDE) <= {layer_of(module) for module in MODULES}
    for named in STARTERS | SLURM_SPEAKERS | set(GUESTS):
        assert (PACKAGE / named).exists(), named


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_of_ours_go_downwards(module: Path) -> None:
    allowed = OURS.get(layer_of(module))
    if allowed is None:
        return
    for imported in imports(module):
        top, _, below = imported.partition(".")
        if top == "ihpc_jupyter" and below:
            if layer_of(module) == "driver" and below.startswith("model.mailbox"):
                continue  # plain paths; the other models are pydantic's
            assert below.split(".")[0] in allowed, f"{name_of(module)} must not import {imported}"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_outer_world_is_met_where_it_belongs(module: Path) -> None:
    never = OUTSIDE.get(layer_of(module), set()) - GUESTS.get(name_of(module), set())
    for imported in imports(module):
        assert imported.split(".")[0] not in never, f"{name_of(module)} must not import {imported}"


def starts_programs(node: ast.AST) -> bool:
    words = {
        "create_subprocess_exec",
        "Popen",
        "check_output",
        "check_call",
        "posix_spawn",
        "spawnv",
        "execv",
        "execvp",
    }
    return isinstance(node, ast.Attribute) and node.attr in words


def uses_a_shell(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword) and node.arg == "shell":
        return not (isinstance(node.value, ast.Constant) and node.value.value is False)
    if not isinstance(node, ast.Attribute):
        return False
    on_os = isinstance(node.value, ast.Name) and node.value.id == "os"
    return node.attr in {"create_subprocess_shell", "getoutput", "getstatusoutput"} or (
        on_os and node.attr in {"system", "popen"}
    )


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_few_modules_start_programs_and_none_a_shell(module: Path) -> None:
    nodes = list(ast.walk(tree_of(module)))
    assert not any(uses_a_shell(node) for node in nodes)
    if name_of(module) not in STARTERS:
        assert "subprocess" not in {name.split(".")[0] for name in imports(module)}
        assert not any(starts_programs(node) for node in nodes)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_slurms_words_stay_in_a_few_modules(module: Path) -> None:
    if name_of(module) in SLURM_SPEAKERS:
        return
    for text in texts(module):
        found = SLURM_WORDS.search(text)
        # A sentence for a person may name a command; a program's argument may not.
        assert not found or " " in text.strip(), f"{name_of(module)} knows {found[0]!r}: {text!r}"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_other_batch_systems_words_stay_in_one_module(module: Path) -> None:
    if name_of(module) != "hub/directives.py":
        assert not any(re.match(r"#(PBS|BSUB|\$) ", text) for text in texts(module))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_files_and_functions_stay_small(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert "utils" not in module.stem
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION, f"{node.name} has {lines} lines"
