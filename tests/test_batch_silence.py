"""A real Slurm whose controller says nothing: unknown, and nothing is given up."""

from pathlib import Path

import pytest

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.site import Health, Polling
from ihpc_jupyter.scheduler.watcher import Watcher
from tests.asynchronous import run, until
from tests.slurmbed.fixtures import MakeSlurm
from tests.test_batch_systems import opened, slurm_bench


def test_a_silent_controller_is_unknown_and_its_jobs_stay(make_slurm: MakeSlurm, tmp_path: Path) -> None:
    bed = make_slurm(nodes=1)
    bench, impatient = (slurm_bench(bed.env, tmp_path, timeout) for timeout in (10.0, 1.0))

    async def scenario() -> None:
        async with opened(bench) as batch:
            watcher = Watcher(impatient.open(), Polling(busy=0.2, rest=1.0, timeout=1.0))
            watcher.subscribe().waiting = True
            job_id = await batch.submit(bench.submission(array=False))

            def runs() -> bool:
                job = watcher.snapshot.jobs.get(job_id)
                return job is not None and job.state.active

            await until(runs, "the job to run")
            bed.freeze_controller()
            await until(lambda: watcher.snapshot.health is Health.UNKNOWN, "silence to be seen")
            assert "did not answer" in watcher.snapshot.error
            assert job_id in watcher.snapshot.jobs
            with pytest.raises(Unavailable):
                await watcher.fresh()
            bed.thaw_controller()
            # It is asked later and later, up to every 30 s.
            await until(lambda: watcher.snapshot.health is Health.UP, "the controller to be back", 60)
            assert watcher.snapshot.jobs[job_id].state.active
            await watcher.close()

    run(scenario())
