"""Faults of accessibility, as axe-core finds them in what is on the screen."""

from playwright.sync_api import Locator

from tests.world import REPOSITORY

AXE = REPOSITORY / "tests" / "ui" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")

RUN = """async root => (await window.axe.run(root, {
  resultTypes: ['violations'], rules: {region: {enabled: false}}
})).violations.map(({id, impact, help, nodes}) => ({
  id, impact, help, where: nodes.map(({html, any}) => html.slice(0, 160) + ' | ' + (any[0]?.message ?? ''))
}))"""
"""Landmarks are JupyterLab's affair: our views are parts of its page."""


def faults(view: Locator) -> list[str]:
    """The serious and critical faults in *view*, each with where it is."""
    page = view.page
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    found = view.evaluate(RUN)
    return [
        f"{one['impact']}: {one['id']} ({one['help']}): {place}"
        for one in found
        if one["impact"] in GRAVE
        for place in one["where"]
    ]
