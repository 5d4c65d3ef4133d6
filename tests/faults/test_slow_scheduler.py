"""A batch system that answers slowly: the delay shows by its amount, and is over when it is over."""

from ihpc_jupyter.model.metrics import Responsiveness, SeriesView, Status, Subsystem
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

    return until(told, "an answer was measured")


def test_a_slow_answer_shows_by_its_delay_and_status_comes_back(world: World) -> None:
    agent = world.agent()
    until(lambda: scheduler(agent).health is Health.UP, "up")
    undelayed = latency(agent).lately.maximum
    assert undelayed is not None
    world.commands.slow("squeue", DELAY)
    until(lambda: scheduler(agent).health is Health.DEGRADED, "degraded")
    slow = scheduler(agent)
    assert slow.number is not None
    assert slow.number > slow.threshold

    def shown() -> bool:
        """By its amount; an answer or two may have been late for reasons of the machine's own."""
        slow = [point.value for point in latency(agent).points if point.value >= DELAY]
        return any(value <= DELAY * 1.05 + undelayed.value for value in slow)

    until(shown, "the delay shows")
    most = latency(agent).lately.maximum
    assert most is not None
    assert most.value >= DELAY
    world.commands.clear("squeue")
    until(lambda: scheduler(agent).health is Health.UP, "up again", 60)


def test_every_question_to_the_batch_system_is_a_watchers_own(world: World) -> None:
    """Each call has become a sample of an answer to the watcher: nothing is asked for the figures' sake."""
    agent = world.agent()
    before = latency(agent).lately.count
    world.commands.forget_calls()

    def asked() -> int | None:
        scheduler(agent)
        calls = len(world.commands.calls("squeue"))
        return calls if calls >= 4 else None

    until(asked, "four questions", 60)

    def measured() -> bool:
        """All but the one that is on its way; those that are no watcher's would stay missing."""
        calls = len(world.commands.calls("squeue"))
        return latency(agent).lately.count >= before + calls - 1

    until(measured, "each was the watcher's")
