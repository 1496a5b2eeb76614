"""Open each page of the built site in a browser, as wide as a phone and as a screen.

``python tests/release/site.py docs/_build/html`` exits with a message if a page is wider than its
window, a picture or a link leads nowhere, or a page asks for something from another site. Without
Chromium or Chrome, or if that does not answer, it says that nothing was opened.
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
from tempfile import TemporaryDirectory
from threading import Event, Thread

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

SECONDS = 300
"""How long the browser may take for all pages."""

# It loads the pages one after the other, and sends what is wrong to the server.
LOOK = """<!doctype html><body><script>
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
  await fetch("faults", { method: "POST", body: faults.join("\\n") });
})();
</script>"""


class Server(ThreadingHTTPServer):
    """A server of the site, which waits for what the browser finds wrong."""

    def __init__(self, site: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(site)))
        self.answered, self.faults = Event(), ""


class Handler(SimpleHTTPRequestHandler):
    """It sends files, takes what the browser says, and prints nothing."""

    def do_POST(self) -> None:
        """Take what the browser says."""
        size = int(self.headers["Content-Length"])
        self.server.faults = self.rfile.read(size).decode()
        self.send_response(204)
        self.end_headers()
        self.server.answered.set()

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


def seen_in(browser: str, site: Path, pages: list[str]) -> list[str] | None:
    """Return what a browser finds wrong with the pages, or None if it does not answer."""
    look = site / "_look.html"
    look.write_text(LOOK.replace("PAGES", json.dumps(pages)), encoding="utf-8")
    server = Server(site)
    Thread(target=server.serve_forever, daemon=True).start()
    page = f"http://127.0.0.1:{server.server_port}/{look.name}"
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}")
        # It stays open for as long as somebody may debug it.
        command = [browser, *options, "--window-size=1400,1000", "--remote-debugging-port=0", page]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            answered = server.answered.wait(SECONDS)
        finally:
            process.kill()
            process.wait()
            server.shutdown()
            look.unlink()
    return server.faults.splitlines() if answered else None


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
        seen = seen_in(browser, site, opened)
        found += seen or []
        what = "were opened" if seen is not None else "were not opened: there was no answer"
        sys.stdout.write(f"{len(opened)} of {len(pages)} pages {what} ({browser}).\n")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
