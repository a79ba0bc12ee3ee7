"""Build the site below ``build/site``: ``python -m benchmarks.site``."""

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.site.gallery import gallery
from benchmarks.site.gathered import ROOT, gather, write
from benchmarks.site.written import written

PAGES, SITE = ROOT / "build" / "pages", ROOT / "build" / "site"
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the builder loads for its search; ours stands in its place, so no network is needed."""
FAULT = "griffe: "
"""How what docstrings lack is noted, which is no warning to the builder."""
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preload|preconnect|dns-prefetch))"
    r"[^>]*\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|(?:url\([\"']?|@import [\"'])((?:https?:)?//[^\"')\s]+)"
)


def loaded_from_elsewhere(folder: Path) -> list[str]:
    """``file: address`` of all that a page or a style sheet would load from the network."""
    return [
        f"{file.relative_to(folder)}: {next(filter(None, match))}"
        for file in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")])
        for match in LOADED.findall(file.read_text(encoding="utf-8"))
    ]


def main() -> None:
    gather(PAGES)
    write(PAGES, {**written(), "gallery.md": gallery(PAGES)})
    command = [sys.executable, "-m", "zensical", "build", "--clean"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode or FAULT in built.stderr + built.stdout:
        raise SystemExit(f"{built.stdout}{built.stderr}The site has faults: they stand above.")
    script = (Path(__file__).parent / "worker.js").read_text(encoding="utf-8")
    (SITE / "assets" / "worker.js").write_text(script, encoding="utf-8")
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        depth = len(page.relative_to(SITE).parts) - 1
        page.write_text(text.replace(SHIM, "../" * depth + "assets/worker.js"), encoding="utf-8")
    if elsewhere := loaded_from_elsewhere(SITE):
        raise SystemExit("\n".join(["Loaded from the network:", *elsewhere]))
    print(f"site: {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
