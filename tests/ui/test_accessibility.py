"""That faults of accessibility would be found."""

from playwright.sync_api import sync_playwright

from tests.ui.accessibility import faults
from tests.ui.lab import CHROMIUM, FLAGS

PAGE = """<main><button></button><p style="color: #ccc; background: #fff">pale</p>
<label>Name <input></label><div role="checkbox"></div></main>"""


def test_faults_are_found_and_what_is_well_is_not() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        page.set_content(PAGE)
        found = {fault.split()[1] for fault in faults(page.locator("main"))}
        assert {"button-name", "color-contrast", "aria-toggle-field-name"} <= found
        assert faults(page.locator("label")) == []
        browser.close()
