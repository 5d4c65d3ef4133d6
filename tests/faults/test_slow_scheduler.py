"""A batch system that answers slowly: the delay shows by its amount, and is over when it is over."""

from ihpc_jupyter.model.metrics import Figure, Responsiveness, SeriesView, Status, Subsystem
from ihpc_jupyter.model.site import Health
from tests.world import SITE, Agent, World, until

DELAY = 3.0


def scheduler(agent: Agent) -> Subsystem:
    told = Status.model_validate_json(agent.request("GET", "/api/status"))
    return next(one for one in told.subsystems if one.kind == "scheduler" and one.name == SITE)


def latency(agent: Agent) -> SeriesView:
    def told() -> SeriesView | None:
        answer = Responsiveness.model_validate_json(agent.request("GET", "/api/responsiveness"))
        mine = [one for one in answer.series if one.labels.get("site") == SITE]
        return next((one for one in mine if one.metric == "scheduler_latency"), None)

    return until(told, "an answer was measured", 20)


def test_a_slow_answer_shows_by_its_delay_and_status_comes_back(world: World) -> None:
    agent = world.agent()
    until(lambda: scheduler(agent).health is Health.UP, "up", 20)
    undelayed = latency(agent).lately.maximum
    assert undelayed is not None
    world.commands.slow("squeue", DELAY)
    until(lambda: scheduler(agent).health is Health.DEGRADED, "degraded", 30)
    slow = scheduler(agent)
    assert slow.number is not None
    assert slow.number > slow.threshold

    def shown() -> Figure | None:
        most = latency(agent).lately.maximum
        return most if most and most.value >= DELAY else None

    told = until(shown, "the delay shows", 10)
    assert told.value <= DELAY * 1.05 + undelayed.value
    world.commands.clear("squeue")
    until(lambda: scheduler(agent).health is Health.UP, "up again", 60)


def test_every_question_to_the_batch_system_is_a_watchers_own(world: World) -> None:
    """Each call has become a sample of an answer to the watcher: nothing is asked for the figures' sake."""
    agent = world.agent()
    world.commands.forget_calls()
    before = latency(agent).lately.count

    def asked() -> int | None:
        scheduler(agent)
        calls = len(world.commands.calls("squeue"))
        return calls if calls >= 4 else None

    calls = until(asked, "four questions", 60)
    until(lambda: latency(agent).lately.count >= before + calls - 1, "each was the watcher's", 1.5)
