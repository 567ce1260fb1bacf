"""Chromium without a window, as the tests and the screenshots open it."""

import contextlib
import shutil

from tapegrad.board.pages import STATIC

__all__ = ["Watched", "choose", "chromium", "missing"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # A name that leads to this machine, as a rebound one does.
    "--host-resolver-rules=MAP elsewhere.test 127.0.0.1",
)  # fmt: skip


def missing():
    """Return what a browser test lacks here, None where it can run."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -r requirements/test.txt"
    if _path() is None:
        return "there is no Chromium: apt-get install chromium"
    if not (STATIC / "index.html").is_file():
        return "the page is not built: make board"
    return None


def _path():
    return next((path for path in map(shutil.which, _NAMES) if path is not None), None)


@contextlib.contextmanager
def chromium():
    """A browser with a profile of its own, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_path(), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, and all that it says behind the user's back: errors, warnings, dialogs."""

    def __init__(self, context, origin):
        self.origin = origin
        self.page = context.new_page()
        self.said = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))
        self.page.on("dialog", self._dismiss)

    def _hear(self, kind, text):
        if kind in ("error", "warning"):
            self.said.append(f"{kind}: {text}")

    def _dismiss(self, dialog):
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, route):
        """Go to a hash route: within the page where it is open already."""
        if self.page.url.startswith(self.origin):
            self.page.evaluate(_GO, route)
        else:
            self.page.goto(f"{self.origin}/#{route}")
        return self.page

    def settled(self):
        """Wait until nothing is being loaded any more, and return what the page's main part says."""
        self.page.wait_for_function(_SETTLED)
        return self.page.inner_text("main")


def choose(page, group, text):
    """Choose one of a group of choices by a click on its text, as a hand does."""
    page.get_by_role("radiogroup", name=group).locator("label").filter(has_text=text).first.click()


# The page has begun to draw the route when two frames have passed since it heard of it.
_GO = """async route => {
  if (location.hash === `#${route}`) return;
  const heard = new Promise(done => addEventListener("hashchange", done, { once: true }));
  location.hash = route;
  await heard;
  for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
}"""

_SETTLED = """() => {
  const main = document.querySelector("main");
  return main && main.innerText.trim() && !main.querySelector(".skeleton, [aria-busy=true], [data-ready=no]");
}"""
