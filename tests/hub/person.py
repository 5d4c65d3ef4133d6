"""A person in Chromium in front of the hub: logs in, chooses, waits, works in the Lab, stops the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.hub.hub import Hub
from tests.ui.accessibility import faults
from tests.ui.lab import CHROMIUM, FLAGS, SECOND, Lab

PICTURES = Path("test-results")
NARROW, WIDE = 390, 1280
JUPYTERHUBS_OWN = "btn-jupyter"
"""White on orange, which is hard to read, is the button of JupyterHub's own page."""


class Person:
    """One user in a browser window of their own, with cookies of their own."""

    def __init__(self, browser: Browser, hub: Hub, user: str) -> None:
        self.hub = hub
        self.user = user
        self.page: Page = browser.new_context(viewport={"width": WIDE, "height": 900}).new_page()
        self.page.goto(f"{hub.url}/hub/login")
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(hub.password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/login" not in url)  # before that nobody is logged in

    def open_form(self) -> None:
        """The page on which a lane is chosen."""
        self.page.goto(f"{self.hub.url}/hub/spawn/{self.user}")
        expect(self.page.get_by_role("radiogroup", name="Lane")).to_be_visible()

    def lane(self, name: str) -> Locator:
        """A lane's button."""
        return self.page.locator(f'input[name="lane"][value="{name}"]')

    def send(self) -> None:
        """Press Start."""
        self.page.get_by_role("button", name="Start").click()

    @property
    def told(self) -> Locator:
        """The line of the progress page that says how things are."""
        return self.page.locator("#progress-message")

    def lab(self) -> Lab:
        """The Lab to which the page with the progress leads, once it can be used."""
        self.page.wait_for_url(f"**/user/{self.user}/lab**", timeout=90 * SECOND)
        return Lab(self.page, f"{self.hub.url}/user/{self.user}/lab").ready()

    def picture(self, name: str) -> None:
        """Pictures of the page, wide and as on a telephone, light and dark."""
        PICTURES.mkdir(exist_ok=True)
        for width in (NARROW, WIDE):
            self.page.set_viewport_size({"width": width, "height": 900})
            for theme in ("dark", "light"):
                self.page.evaluate("name => document.documentElement.setAttribute('data-bs-theme', name)", theme)
                path = PICTURES / f"hub-{name}-{width}-{theme}.png"
                self.page.screenshot(path=path, full_page=True)
                self.page.evaluate(
                    "Promise.all(document.getAnimations().map(one => one.finished))"
                )  # colours fade
                found = [
                    one for one in faults(self.page.locator(".container").first) if JUPYTERHUBS_OWN not in one
                ]
                assert not found, found
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is cut off"

    def status(self, path: str, method: str = "GET") -> int:
        """The status of a request with this person's cookies; redirects are not followed."""
        answer = self.page.request.fetch(f"{self.hub.url}{path}", method=method, max_redirects=0)
        return answer.status

    def stop_server(self) -> None:
        """Press the button on the home page."""
        self.page.goto(f"{self.hub.url}/hub/home")
        self.page.get_by_role("button", name="Stop My Server").click()


@contextmanager
def people(hub: Hub, *users: str) -> Iterator[list[Person]]:
    """These users in one Chromium, logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield [Person(browser, hub, user) for user in users]
        finally:
            browser.close()
