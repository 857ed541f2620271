"""The site in a real Chromium: every page renders without help from outside, and the live page is alive.

The marker is ``browser``; it needs the extras ``docs`` and ``browser``, and a Chromium on this machine.
"""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[1] / "docs"

# Docker and CI run as root, where Chromium needs the first; the others keep it from calling home.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RAW_MATHEMATICS = re.compile(r"\\\(|\\\[|\\frac|\\sum|\\mathrm|\$\$")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The built site and its address on this machine."""
    folder = tmp_path_factory.mktemp("site") / "html"
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-n",
        "-W",
        "--keep-going",
        str(DOCS),
        str(folder),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line on stderr for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium that is on this machine; playwright would download its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'browser'")
    program = (
        os.environ.get("KDREF_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("google-chrome")
    )
    if program is None:
        pytest.skip("needs Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def watch(page: Any, address: str) -> list[str]:
    """Collect what goes wrong on a page while it loads."""
    complaints: list[str] = []

    def on_console(message: Any) -> None:
        if message.type == "error":
            complaints.append(f"{page.url}: {message.text}")

    def on_request(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            complaints.append(f"{page.url} asks for {request.url}")

    def on_response(response: Any) -> None:
        if response.status >= 400:
            complaints.append(f"{page.url}: {response.status} for {response.url}")

    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("console", on_console)
    page.on("request", on_request)
    page.on("response", on_response)
    return complaints


def raw_mathematics(page: Any) -> list[str]:
    """LaTeX that a reader would see; code may show it, and what MathJax has drawn is a picture."""
    visible = page.eval_on_selector_all(
        "article, aside, nav, h1",
        "nodes => nodes.map(node => { const copy = node.cloneNode(true);"
        " copy.querySelectorAll('pre, code, script, mjx-container').forEach(e => e.remove());"
        " return copy.textContent; })",
    )
    return RAW_MATHEMATICS.findall("\n".join([page.title(), *visible]))


WIDTHS = {"desktop": 1280, "phone": 390}


def wider_than_the_screen(page: Any) -> bool:
    """Whether the page as a whole scrolls sideways; a table or a formula may, in its own box."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_every_page_of_the_site_renders_by_itself(browser: Any, site: tuple[Path, str]) -> None:
    folder, address = site
    page = browser.new_page()
    complaints = watch(page, address)
    formulas = 0
    for path in sorted(folder.rglob("*.html")):
        page.goto(f"{address}/{path.relative_to(folder)}")
        if page.evaluate("'MathJax' in window"):
            page.evaluate("MathJax.startup.promise")
        formulas += page.locator("mjx-container").count()
        if page.locator("mjx-merror, [data-mml-node=merror], [data-mjx-error]").count():
            complaints.append(f"{page.url}: a formula that MathJax does not understand")
        complaints += [f"{page.url}: raw {raw}" for raw in raw_mathematics(page)]
        if page.locator("aside.footnote ol").count():
            # "S. Kullback ..." on a single line is the nineteenth item of a list
            complaints.append(f"{page.url}: a reference whose first initial numbers a list")
        for name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            if wider_than_the_screen(page):
                complaints.append(f"{page.url}: wider than a {name}")
    page.close()
    assert complaints == []
    assert formulas > 100


@pytest.fixture
def live_page(browser: Any, site: tuple[Path, str]) -> Iterator[Any]:
    """The page with the slider; nothing may go wrong on it while it is used."""
    _, address = site
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    complaints = watch(page, address)
    page.goto(f"{address}/temperature.html")
    yield page
    page.close()
    assert complaints == []


def shown(page: Any, name: str) -> float:
    """A number that the page shows."""
    return float(page.inner_text(f"#temperature [data-value={name}]"))


def heights(page: Any) -> list[float]:
    """How tall the teacher's bars are."""
    bars = page.locator("#temperature rect.teacher").all()
    return [float(bar.get_attribute("height")) for bar in bars]


def test_live_page_opens_with_the_numbers_that_its_text_gives(live_page: Any) -> None:
    text = (DOCS / "temperature.md").read_text(encoding="utf-8")
    for name in ("entropy", "kl", "hardLoss", "loss"):
        assert f"\n{shown(live_page, name)!r}\n" in text


def test_dragging_the_temperature_up_flattens_the_bars(live_page: Any) -> None:
    sharp = heights(live_page)
    slider = live_page.locator("#temperature .temperature").bounding_box()
    middle = slider["y"] + slider["height"] / 2
    live_page.mouse.move(slider["x"] + slider["width"] * 4 / 7, middle)  # log2 T = 2 of -2 to 5
    live_page.mouse.down()
    live_page.mouse.move(slider["x"] + slider["width"], middle, steps=8)
    live_page.mouse.up()
    assert live_page.inner_text("#temperature .T") == "32.00"
    flat = heights(live_page)
    assert max(flat) - min(flat) < 0.2 * (max(sharp) - min(sharp))


def test_arrow_keys_move_the_temperature_by_an_eighth_of_an_octave(live_page: Any) -> None:
    live_page.focus("#temperature .temperature")
    live_page.keyboard.press("ArrowRight")
    assert live_page.inner_text("#temperature .T") == f"{4 * 2**0.125:.2f}"
    live_page.keyboard.press("ArrowLeft")
    live_page.keyboard.press("ArrowLeft")
    assert live_page.inner_text("#temperature .T") == f"{4 / 2**0.125:.2f}"
    live_page.keyboard.press("Home")
    assert live_page.inner_text("#temperature .T") == "0.25"


def test_choosing_another_example_draws_its_classes(live_page: Any) -> None:
    live_page.select_option("#temperature .example", "almost agreed")
    assert len(heights(live_page)) == 5
    assert 0.0 < shown(live_page, "kl") < 1e-9


def test_live_page_works_from_disk(browser: Any, site: tuple[Path, str]) -> None:
    folder, _ = site
    page = browser.new_page()
    complaints = watch(page, "file://")
    page.goto((folder / "temperature.html").as_uri())
    assert len(heights(page)) == 3
    page.close()
    assert complaints == []
