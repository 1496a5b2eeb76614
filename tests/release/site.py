"""Open each page of the built site in a browser, as wide as a phone and as a screen.

``python tests/release/site.py docs/_build/html`` exits with a message if a page is wider than its
window, a picture or a link leads nowhere, or a page asks for something from another site. Without
Chromium or Chrome it says that nothing was opened.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# It loads the pages one after the other, and leaves what is wrong in the element "faults".
LOOK = """<!doctype html><pre id="faults"></pre><script>
const faults = [];
async function look(width, theme, page) {
  localStorage.setItem("mode", theme);
  localStorage.setItem("theme", theme);
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.src = page;
  document.body.append(frame);
  await new Promise((loaded) => { frame.onload = loaded; });
  const shown = frame.contentDocument, say = (what) => faults.push(`${width} px: ${page}: ${what}`);
  for (const image of shown.images) {
    image.loading = "eager";
    await image.decode().catch(() => say(`no picture ${image.src}`));
  }
  const wide = shown.documentElement.scrollWidth;
  if (wide > width + 1) say(`it is ${wide} px wide`);
  for (const asked of frame.contentWindow.performance.getEntriesByType("resource"))
    if (new URL(asked.name).origin !== location.origin) say(`it asks for ${asked.name}`);
  if (shown.documentElement.dataset.theme !== theme) say(`its theme is not ${theme}`);
  frame.remove();
}
(async () => {
  for (const page of PAGES) { await look(390, "dark", page); await look(1280, "light", page); }
  document.getElementById("faults").textContent = faults.concat("looked").join("\\n");
})();
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def dead_links(site: Path, pages: list[str]) -> list[str]:
    """Return the links inside of the site that lead to no page, or to no place of a page."""
    texts = {page: (site / page).read_text(encoding="utf-8") for page in pages}
    places = {page: {*re.findall(r'\bid="([^"]+)"', text)} for page, text in texts.items()}
    found = []
    for page, text in texts.items():
        for link in {*re.findall(r'<a [^>]*href="([^"]*)"', text)}:
            target, _, place = unescape(link).partition("#")
            if re.match(r"\w+:", target):
                continue
            path = (site / page).parent / target if target else site / page
            name = str(path.resolve().relative_to(site.resolve()))
            if not path.exists() or (place and place not in places.get(name, {place})):
                found.append(f"{page}: the link {link} leads nowhere")
    return found


def seen_in(browser: str, site: Path, pages: list[str]) -> list[str]:
    """Return what a browser finds wrong with the pages."""
    look = site / "_look.html"
    look.write_text(LOOK.replace("PAGES", json.dumps(pages)), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    page = f"http://127.0.0.1:{server.server_port}/{look.name}"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000")
    waits = f"--virtual-time-budget={20_000 * len(pages)}"
    try:
        command = [browser, *options, waits, "--dump-dom", page]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    finally:
        server.shutdown()
        look.unlink()
    said = re.search(r'<pre id="faults">(.*?)</pre>', out.stdout, re.DOTALL)
    lines = unescape(said[1]).splitlines() if said else []
    return lines[:-1] if lines[-1:] == ["looked"] else [*lines, "the browser did not end"]


def main() -> None:
    """Exit with what is wrong."""
    site = Path(sys.argv[1])
    pages = sorted(
        str(page.relative_to(site))
        for page in site.rglob("*.html")
        if not {part[0] for part in page.relative_to(site).parts} & {"_"}
    )
    found = dead_links(site, pages)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.stdout.write("No page was opened: there is neither Chromium nor Chrome.\n")
    else:
        # Pages of the reference look alike: one of ten is opened.
        opened = [p for k, p in enumerate(pages) if not p.startswith("reference/") or k % 10 == 0]
        found += seen_in(browser, site, opened)
        sys.stdout.write(f"{len(opened)} of {len(pages)} pages were opened in {browser}.\n")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
