"""The documentation names everything public, runs what it shows, and renders without help from outside."""

import ast
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

import kdref
from kdref import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]

AT_THE_TOP = {"probabilities", "divergences", "losses", "gradcheck", "registry", "tokens"}
"""Rooms whose public names are those of ``kdref`` itself."""

WITHOUT_REFERENCE = {"cli", "__main__"}
"""Commands are for shells."""

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


def exported(source: str) -> Iterator[str]:
    """Names that a module defines for others, or re-exports as themselves."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname == alias.name)


def public_names() -> Iterator[str]:
    """Everything public by the name that people import it by."""
    package = Path(kdref.__file__).parent
    for path in sorted([*package.glob("*.py"), *package.glob("*/__init__.py")]):
        room = path.parent.name if path.stem == "__init__" else path.stem
        if room.startswith("_") or room in AT_THE_TOP | WITHOUT_REFERENCE:
            continue
        prefix = "kdref" if room == "kdref" else f"kdref.{room}"
        yield from (f"{prefix}.{name}" for name in exported(path.read_text(encoding="utf-8")))


def documented_names() -> Iterator[str]:
    """Everything that the reference describes."""
    for path in sorted((DOCS / "reference").glob("*.md")):
        module = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            directive, _, name = line.removeprefix(".. ").partition(":: ")
            if directive == "currentmodule":
                module = name
            if directive in {"autofunction", "autoclass", "data"}:
                yield name if name.startswith("kdref.") else f"{module}.{name}"


@pytest.mark.parametrize("name", list(public_names()))
def test_public_name_is_in_the_reference_once(name: str) -> None:
    assert list(documented_names()).count(name) == 1


@pytest.mark.parametrize(
    "command", [module.__name__.removeprefix("kdref.cli.") for module in cli.COMMANDS]
)
def test_command_is_in_the_reference(command: str) -> None:
    assert f"`kdref {command}`" in (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", kdref.LOSSES.values(), ids=lambda entry: entry.name)
def test_loss_is_in_the_table_of_formulas(entry: kdref.LossEntry) -> None:
    row = rf"^\| {{py:func}}`~kdref\.{entry.name}_loss` \| \$.+ \| .*\$.+ \|$"
    table = (DOCS / "reference" / "losses.md").read_text(encoding="utf-8")
    assert len(re.findall(row, table, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_stand_in_blocks_that_are_run(path: Path) -> None:
    # Only ```python blocks are run; a prompt anywhere else would show a number that nobody checks.
    text = re.sub(
        r"^```python\n.*?^```$",
        "",
        path.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert ">>>" not in text
    assert "skip: next" not in text


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


@pytest.mark.browser
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
    page.close()
    assert complaints == []
    assert formulas > 100
