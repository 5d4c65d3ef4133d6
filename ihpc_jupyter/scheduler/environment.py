"""The environment in which batch commands and local jobs run: chosen, never inherited whole."""

import os
from collections.abc import Mapping

from ihpc_jupyter.model.site import SiteKind

_NAMES = frozenset({
    "BASH_ENV", "HOME", "KRB5CCNAME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOADEDMODULES", "LOGNAME",
    "MANPATH", "MODULEPATH", "MODULEPATH_ROOT", "MODULESHOME", "MODULES_CMD", "PATH", "SHELL", "SLURM_CONF",
    "TERM", "TZ", "USER", "_LMFILES_",
})  # fmt: skip
_PREFIXES = ("LC_", "LMOD_", "_ModuleTable", "BASH_FUNC_module", "BASH_FUNC_ml")


def chosen_environment(*extra: str, source: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of *source* (this process's when left out) that a batch command may see.

    An allow-list: who you are, where programs and modules are, which Slurm. No tokens of a hub or a
    server, no ``SLURM_*``, ``SBATCH_*`` or ``SQUEUE_*`` except SLURM_CONF: a command inside an allocation
    would join it, and formats set for a person would change the text that we read. *extra* names
    further variables to keep.
    """
    given = os.environ if source is None else source
    kept = {
        name: value
        for name, value in given.items()
        if name in _NAMES or name in extra or name.startswith(_PREFIXES)
    }
    return {"PATH": os.defpath, "HOME": os.path.expanduser("~"), **kept}  # noqa: PTH111 (text, as it was given)


def own_job(source: Mapping[str, str] | None = None) -> tuple[SiteKind, str] | None:
    """The batch job that the process of those variables (this one when left out) runs in: whose, and its id.

    None outside of any.
    """
    given = os.environ if source is None else source
    if array := given.get("SLURM_ARRAY_JOB_ID"):
        return SiteKind.SLURM, f"{array}_{given.get('SLURM_ARRAY_TASK_ID', '')}"
    if job := given.get("SLURM_JOB_ID"):
        return SiteKind.SLURM, job
    job = given.get("IHPC_JOB_ID", "")
    return (SiteKind.LOCAL, job) if job else None
