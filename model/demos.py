"""Screenshots of the pages that come with packages on npm: demonstrations, examples, documentation, whole admin panels.

    python -m model.demos

demos.txt lists the packages, picked at random among those whose names speak of interfaces and that hold HTML.  Their pages are shown in
Chromium as they are, of many widths, light and dark, a share of their checkboxes clicked; nothing but the packages themselves and what they
ask of the usual CDNs, which is taken from npm as well, is let through.  What is a checkbox and whether it is ticked the document says, to the
pixel: `<input type="checkbox">` as the browser draws it.  Nothing was looked for by any network, so that here, unlike in screenshots.csv,
things are as frequent as they are on such pages: a checkbox all alone, or none at all.

Ignored is where a style sheet draws what the browser does not (the input is there, but not to be seen, or has an `appearance` of its own),
what says that it is a checkbox without being one (`role`), and small elements whose class speaks of checks or ticks.

Every page of a training package is shown a second time, with checkboxes planted (`PLANT`): before words, in table cells, in the cell before
a text field, on buttons and bars, alone and in columns, of the browser's own look or of a style drawn at random, and round ones, which are none. So there
are as many as training needs, in places that people have put words.

One package in HELD_OUT is kept from training, whatever its version: the evaluation's set `demos`, pages at their own size.

Needs what browser_pages needs.  Stages: `shots` (pictures, and what the document says of them, as JSON) and `page_of` (a labelled page).
"""

from __future__ import annotations

import argparse
import json
import mimetypes
import random
import re
import subprocess
import sys
import urllib.parse
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.browser_pages import LEAST, MISSING, chromium, drivable, fetch_package, unpacked
from model.draw import STORED, to_scale
from model.page import EMPTY, FILLED, IGNORE, Page, save
from model.screenshots import versionless
from model.sets import SETS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route
    from playwright.sync_api import Page as Tab

HERE = Path(__file__).parent
LIST = HERE / "demos.txt"
HELD_OUT = 4
HOST = "demo.invalid"  # under which a package's files are served
PAGES, PAGES_WITHOUT = 8, 2  # of a package, of those that speak of checkboxes and of the others, at most
SCREENS, PLANTED_SCREENS = 3, 6  # of a page, at most
CLICKED, PARTLY = 0.35, 0.04  # shares of the checkboxes
CONTRAST = 12  # grey levels: a control with less is not to be seen, whatever its style says
SHOWN = 2 / 3  # of a checkbox; one that shows less is ignored
AROUND = 6  # CSS pixels around what is ignored
SMALL = 60  # CSS pixels: a larger element is not itself a checkbox
NO_PAGES = re.compile(
    r"(^|/)(node_modules|coverage|typedoc|jsdoc|apidoc|api|tests?|__tests__|spec|templates?|partials?|src/app|locale)/|lcov",
    re.I,
)

# What the document says of everything that may be a checkbox: see `page_of`.
PLACES = r"""() => {
  const seen = e => {
    for (let n = e; n; n = n.parentElement) {
      const s = getComputedStyle(n);
      if (s.display === 'none' || s.visibility === 'hidden' || +s.opacity < 0.15) return false;
    }
    return true;
  };
  const edges = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const name = e => ((typeof e.className === 'string' ? e.className : e.className?.baseVal) || '') + ' ' + (e.id || '');
  const names = e => { let s = ''; for (let n = e, i = 0; n && i < 3; n = n.parentElement, i++) s += name(n) + ' '; return s.toLowerCase(); };
  const out = [];
  for (const e of [...document.querySelectorAll('*')].slice(0, 20000)) {
    const input = e.tagName === 'INPUT' && e.type === 'checkbox', planted = 'planted' in e.dataset;
    const role = ['checkbox', 'menuitemcheckbox'].includes(e.getAttribute('role'));
    if (!input && !role && !/check|tick|todo|toggle|select|switch/i.test(name(e))) continue;
    const [x1, y1, x2, y2] = edges(e);
    let kind = role ? 'role' : 'named';
    if (input) {
      kind = (planted || getComputedStyle(e).appearance !== 'none') && seen(e) && x2 - x1 >= 5 && y2 - y1 >= 5 ? 'native' : 'hidden';
      const top = document.elementFromPoint((x1 + x2) / 2, (y1 + y2) / 2);
      if (kind === 'native' && top && top !== e) kind = 'covered';
    } else if (!seen(e)) continue;
    const on = input ? e.indeterminate || e.checked : /true|mixed/.test(e.getAttribute('aria-checked') || '');
    const label = input ? [...(e.labels || []), e.nextElementSibling, e.parentElement].filter(Boolean).map(edges) : [];
    out.push({ kind, on, r: [x1, y1, x2, y2], names: names(e), label });
  }
  return out;
}"""
HOLDS = "() => [document.documentElement.scrollHeight, document.body?.innerText.length ?? 0, document.querySelectorAll('*').length, document.querySelectorAll('canvas, svg, img').length]"
CLICK = """([share, clicked, partly]) => {
  [...document.querySelectorAll('input[type=checkbox]:not([data-planted]), [role=checkbox]')].forEach((e, i) => {
    if ((i * 0.618 + share) % 1 < clicked) try { e.click(); } catch {}
    if ((i * 0.377 + share) % 1 < partly) e.indeterminate = true;
  });
  document.activeElement?.blur();
  scrollTo(0, 0);
}"""

# Plants checkboxes and, fewer, round ones on a page: `groups` of one look each, of one box or of what stands beside the first as well.
PLANT = r"""([seed, groups]) => {
  let a = seed >>> 0;
  const random = () => { a = (a + 0x6d2b79f5) | 0; let t = Math.imul(a ^ (a >>> 15), 1 | a); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296; };
  const pick = list => list[Math.floor(random() * list.length)];
  const colour = () => `hsl(${Math.floor(random() * 360)} ${Math.floor(20 + random() * 80)}% ${Math.floor(20 + random() * 45)}%)`;
  const words = e => [...e.childNodes].find(n => n.nodeType === 3 && n.data.trim());
  const small = e => { const r = e.getBoundingClientRect(); return r.width > 8 && r.width < 900 && r.height > 8 && r.height < 160; };
  const field = e => e.tagName === 'INPUT' && ['text', 'search', 'email', 'number', 'password', 'date', 'url', 'tel'].includes(e.type) || ['SELECT', 'TEXTAREA'].includes(e.tagName);
  const fits = e => !e.closest('[data-planted]') && small(e) && (field(e) || words(e) && !e.closest('svg, select, textarea, pre, head, math'));
  const all = [...document.body.querySelectorAll('*')].slice(0, 8000).filter(fits);
  const fields = all.filter(field);
  const mark = (kind, ink) => {
    const paths = { tick: 'M3 8.5 6.5 12 13 4', cross: 'M4 4 12 12M12 4 4 12', dash: 'M3 8H13', dot: 'M5 5H11V11H5Z' };
    return `url("data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="${paths[kind]}" fill="${kind === 'dot' ? ink : 'none'}" stroke="${ink}" stroke-width="${1.2 + random() * 1.4}"/></svg>`)}") center / 100% no-repeat`;
  };
  const look = text => {
    const light = (text.match(/\d+/g) ?? [0]).slice(0, 3).every(v => v > 150);  // words on a dark ground
    const native = random() < 0.6, side = random() < 0.45 && native ? 13 : 9 + Math.floor(random() ** 2 * 20);
    const at = { native, side, accent: random() < 0.3 ? colour() : '', dark: light && random() < 0.5, margin: `${Math.floor(random() * 4)}px ${Math.floor(random() * 7)}px ${Math.floor(random() * 4)}px ${Math.floor(random() * 5)}px`, align: pick(['baseline', 'middle', 'middle', 'text-bottom', '-2px']) };
    const solid = random() < 0.5, ink = pick([text, text, '#888', '#ccc', '#333', colour()]);
    return { ...at, solid, ink, line: pick([1, 1, 1, 1.5, 2]), radius: pick([0, 0, 2, 3, 4]), ground: pick(['#fff', '#fff', 'transparent', '#f4f4f4']), fill: pick([ink, colour()]), kind: pick(['tick', 'tick', 'tick', 'tick', 'cross', 'dash', 'dot']), shadow: random() < 0.1 };
  };
  const control = (at, round) => {
    const box = document.createElement('input');
    box.type = round ? 'radio' : 'checkbox';
    box.dataset.planted = '';
    const on = random() < 0.45;
    box.checked = on;
    if (on && !round && at.native && random() < 0.05) box.indeterminate = true;
    const style = { position: 'static', float: 'none', display: 'inline-block', visibility: 'visible', opacity: '1', transform: 'none', clip: 'auto', 'clip-path': 'none', margin: at.margin, padding: '0', 'vertical-align': at.align, 'box-sizing': 'border-box', 'min-width': '0', 'min-height': '0', 'max-width': 'none', flex: 'none', outline: 'none', appearance: at.native ? 'auto' : 'none', width: at.side + 'px', height: at.side + 'px' };
    if (at.accent) style['accent-color'] = at.accent;
    if (at.dark) style['color-scheme'] = 'dark';
    if (!at.native) Object.assign(style, {
      border: `${at.line}px solid ${on && at.solid ? at.fill : at.ink}`, 'border-radius': round ? '50%' : at.radius + 'px', 'box-shadow': at.shadow ? '1px 1px 2px #0006' : 'none',
      background: on ? `${mark(at.kind, at.solid ? '#fff' : at.fill)} ${at.solid ? at.fill : at.ground}` : at.ground,
    });
    for (const [k, v] of Object.entries(style)) box.style.setProperty(k, v, 'important');
    return box;
  };
  const plant = (e, at, round, where) => {
    const box = control(at, round);
    if (field(e)) {
      if (random() < 0.7) {  // in a cell of its own
        const cell = document.createElement('span');
        const high = Math.max(e.getBoundingClientRect().height, at.side + 4);
        cell.style.cssText = `display:inline-flex;align-items:center;justify-content:center;vertical-align:middle;box-sizing:border-box;flex:none;height:${high}px;padding:0 ${Math.floor(4 + random() * 10)}px;border:1px solid ${pick(['#ccc', '#ced4da', '#999', 'transparent'])};border-radius:${pick([0, 3, 4])}px 0 0 ${pick([0, 3, 4])}px;background:${pick(['#eee', '#e9ecef', '#f8f9fa', '#ddd', '#f5f5f5', colour()])}`;
        e.style.setProperty('display', 'inline-block', 'important');
        e.style.setProperty('vertical-align', 'middle', 'important');
        if (e.getBoundingClientRect().width > 250) e.style.setProperty('width', 'calc(100% - 60px)', 'important');
        cell.append(box);
        e.before(cell);
      } else e.before(box);
    } else if (where === 'after') e.append(box);
    else e.insertBefore(box, words(e));
  };
  for (let g = 0; g < groups && all.length; g++) {
    const e = fields.length && random() < 0.2 ? pick(fields) : pick(all);
    if (!e.isConnected || e.querySelector('[data-planted]')) continue;
    const at = look(getComputedStyle(e).color), round = random() < 0.12, where = random() < 0.12 ? 'after' : 'before';
    let group = [e];
    if (random() < 0.5) {  // what stands beside it, or in the same column of its table
      const row = e.closest('tr'), table = e.closest('table'), column = e.cellIndex;
      if (row && table && column !== undefined) group = [...table.rows].map(r => r.cells[column]).filter(c => c && words(c));
      else group = [...(e.parentElement?.parentElement?.querySelectorAll(e.tagName) ?? [])].filter(x => fits(x) && x.className === e.className);
      group = group.slice(0, 3 + Math.floor(random() * 20));
    }
    for (const x of group) if (!x.querySelector('[data-planted]')) plant(x, at, round, where);
  }
}"""


def read_list(path: Path = LIST) -> list[str]:
    """The packages, `name@version`."""
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def held_out(package: str) -> bool:
    """Whether a package is kept from training."""
    return zlib.crc32(versionless(f"npm:{package}").encode()) % HELD_OUT == 0


# ---- pictures ------------------------------------------------------------------------------------------------------


def on_npm(address: str) -> tuple[str, str] | None:
    """The package (`name@version`) and the file in it that an address on a CDN stands for, None where it is none; the file may be ''."""
    url = urllib.parse.urlparse(address)
    path = url.path.lstrip("/")
    if url.netloc == "cdn.jsdelivr.net":
        if not path.startswith("npm/"):
            return None
        path = path.removeprefix("npm/")
    if url.netloc in ("cdn.jsdelivr.net", "unpkg.com", "npmcdn.com"):
        found = re.match(r"((?:@[^/]+/)?[^/@]+)(?:@([^/]+))?(?:/(.*))?$", path)
        return (f"{found[1]}@{found[2] or 'latest'}", found[3] or "") if found else None
    if found := re.match(r"(?:ajax/)?libs/([^/]+)/([^/]+)/(.+)$", path):  # cdnjs, Google's
        other = {
            "twitter-bootstrap": "bootstrap",
            "jqueryui": "jquery-ui-dist",
            "lodash.js": "lodash",
            "moment.js": "moment",
        }
        return f"{other.get(found[1], found[1])}@{found[2]}", found[3]
    if found := re.match(r"(?:ajax/jquery/)?jquery-(\d[\d.]*\d)(\.min)?\.js$", path):
        return f"jquery@{found[1]}", f"dist/jquery{found[2] or ''}.js"
    if found := re.match(r"(bootstrap|font-awesome)/(\d[\d.]*\d)/(.+)$", path):
        return f"{found[1]}@{found[2]}", found[3]
    return None


@cache
def file_of(address: str, kits: Path) -> Path | None:
    """The file that an address on a CDN stands for, out of the package on npm; None where there is none, which is asked once."""
    if not (which := on_npm(address)):
        return None
    package, file = which
    try:
        folder = fetch_package(package, kits) / "package"
        if not file:
            about = json.loads((folder / "package.json").read_text())
            file = about.get("unpkg") or about.get("main") or "index.js"
    except (subprocess.CalledProcessError, OSError, ValueError):
        return None
    for path in (folder / file, folder / "dist" / file):
        if path.is_file():
            return path
    same = sorted(folder.rglob(Path(file).name), key=lambda path: len(str(path)))  # CDNs have their own folders
    return next((path for path in same if path.is_file()), None)


def server(folder: Path, kits: Path) -> Callable[[Route], None]:
    """What answers a page's requests: with files of its package's folder, and of what it asks of CDNs; with nothing else."""
    from playwright.sync_api import Error

    def serve(route: Route) -> None:
        url = urllib.parse.urlparse(route.request.url)
        if url.netloc == HOST:
            path = (folder / urllib.parse.unquote(url.path).lstrip("/")).resolve()
            file = path if path.is_file() and path.is_relative_to(folder.resolve()) else None
        else:
            file = file_of(route.request.url, kits)
        with suppress(Error):  # the page may be gone
            if file is None:
                route.abort()
                return
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            headers = {"content-type": kind, "access-control-allow-origin": "*"}
            route.fulfill(status=200, body=file.read_bytes(), headers=headers)

    return serve


def pages_of(folder: Path, rng: random.Random) -> list[Path]:
    """The HTML files of a package that are worth showing, those that speak of checkboxes first."""

    def rank(path: Path) -> float:
        text = path.read_text(errors="ignore").lower()
        styled = "<script" in text or "<link" in text
        named = re.search("demo|example|index", path.name.lower())
        return ("checkbox" not in text) - 0.5 * bool(named) + (not styled) + 0.5 * rng.random()

    ranked = sorted(
        (rank(p), p) for p in folder.rglob("*.htm*") if p.is_file() and not NO_PAGES.search(str(p.relative_to(folder)))
    )
    speaking = [path for score, path in ranked if score < 1]
    return speaking[:PAGES] or [path for _, path in ranked[:PAGES_WITHOUT]]


def shoot(tab: Tab, out: Path, about: dict[str, Any], rng: random.Random) -> int:
    """Pictures of the page that a tab shows, where it has checkboxes and elsewhere; how many.  Checkboxes are planted if `about` says so."""
    high = about["height"]
    full, text, elements, pictures = tab.evaluate(HOLDS)
    if (text < 20 and not pictures) or elements < 8:
        return 0  # a page that needs more than there is
    tab.evaluate(CLICK, [rng.random(), CLICKED, PARTLY])
    if about["planted"]:
        tab.evaluate(PLANT, [rng.getrandbits(32), rng.randint(3, 6 + full // 80)])
    tab.wait_for_timeout(400)
    wanted = {0} | {
        max(0, int(p["r"][1] - high * rng.uniform(0.2, 0.6))) for p in tab.evaluate(PLACES) if p["kind"] != "named"
    }
    tops: list[int] = []
    for y in sorted(wanted):
        if not tops or y - tops[-1] > 0.8 * high:
            tops.append(y)
    if full > 2 * high:
        tops.append(int(rng.uniform(high, full - high)))
    rng.shuffle(tops)
    tops = tops[: PLANTED_SCREENS if about["planted"] else SCREENS]
    for y in tops:
        tab.evaluate("y => scrollTo(0, y)", y)
        tab.wait_for_timeout(120)
        name = f"{zlib.crc32(about['package'].encode()):08x}{zlib.crc32((about['file'] + str(y)).encode()):08x}{'p' * about['planted']}"
        places = tab.evaluate(PLACES)
        (out / f"{name}.png").write_bytes(tab.screenshot(type="png", animations="disabled"))
        (out / f"{name}.json").write_text(json.dumps({**about, "y": y, "places": places}))
    return len(tops)


def visit(
    browser: Browser, page: Path, folder: Path, kits: Path, package: str, out: Path, rng: random.Random, planted: bool
) -> int:
    """Pictures of one page of a package; how many, none of a page that never ends to load, or goes elsewhere."""
    from playwright.sync_api import Error

    width = rng.choice([360, 480, 640, 800, 900, 1024, 1100, 1280, 1280, 1366, 1440, 1600])
    height, scale = int(rng.uniform(500, 1200)), rng.choice([1, 1, 1, 1.25, 1.5, 2])
    scale = scale if width * scale <= 1800 else 1
    file = str(page.relative_to(folder))
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=rng.choice(["light", "light", "dark"]),
        service_workers="block",
    )
    context.set_default_timeout(5000)
    context.route("**/*", server(folder, kits))
    try:
        tab = context.new_page()
        tab.on("dialog", lambda dialog: dialog.dismiss())
        tab.goto(f"http://{HOST}/{urllib.parse.quote(file)}", wait_until="load", timeout=8000)
        tab.wait_for_timeout(500)
        about = {"package": package, "file": file, "width": width, "height": height, "scale": scale, "planted": planted}
        return shoot(tab, out, about, rng)
    except Error:
        return 0
    finally:
        with suppress(Error):
            context.close()


def shots(packages: list[str], kits: Path, out: Path, planted: bool = False) -> None:
    """Pictures of the pages of these packages into `out`, NAME.png with NAME.json.  A package that makes trouble is passed over.

    planted: their pages with checkboxes planted on them, instead of as they are.
    """
    out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for number, package in enumerate(packages):
            done = out / f"{unpacked(out, package).name}{'.planted' * planted}.done"
            if done.exists():
                continue
            try:
                folder = fetch_package(package, kits) / "package"
            except (subprocess.CalledProcessError, FileNotFoundError) as error:
                print(f"{package}: left out: {error!r}", file=sys.stderr)
                continue
            rng = random.Random(package + "planted" * planted)
            pages = pages_of(folder, rng)
            made = sum(visit(browser, page, folder, kits, package, out, rng, planted) for page in pages)
            done.touch()
            print(f"{number + 1} of {len(packages)}: {package}: {made} pictures", flush=True)


# ---- labels --------------------------------------------------------------------------------------------------------


def area(edges: NDArray[np.float64]) -> float:
    x1, y1, x2, y2 = edges.tolist()
    return (x2 - x1) * (y2 - y1)


def plain(image: NDArray[np.uint8], shown: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Whether enough of a control [4] is `shown` on a picture [H,W] [4] for it to be found."""
    x1, y1, x2, y2 = shown.round().astype(int)
    around = image[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2]
    return (
        area(shown) >= SHOWN * area(whole)
        and float((shown[2:] - shown[:2]).min()) >= LEAST
        and int(around.max()) - int(around.min()) >= CONTRAST
    )


def page_of(picture: Path) -> Page:
    """A picture that `shots` made, in grey, labelled as its document says."""
    about = json.loads(picture.with_suffix(".json").read_text())
    image = np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), np.uint8)
    height, width = image.shape
    boxes, states = [], []

    def add(edges: tuple[float, ...], state: int) -> None:
        whole = np.array(edges, np.float64) * about["scale"]
        shown = whole.clip(0, [width, height, width, height])
        if area(shown) <= 0:
            return
        boxes.append(shown)
        states.append(state if state == IGNORE or plain(image, shown, whole) else IGNORE)

    for place in about["places"]:
        x1, y1, x2, y2 = place["r"]
        if place["kind"] == "native":  # the browser draws it square, in the middle
            side, x, y = min(x2 - x1, y2 - y1) / 2, (x1 + x2) / 2, (y1 + y2) / 2
            add((x - side, y - side, x + side, y + side), FILLED if place["on"] else EMPTY)
        elif place["kind"] != "named":
            for u1, v1, u2, v2 in ((x1, y1, x2, y2), *place["label"]):
                add((u1 - AROUND, v1 - AROUND, u2 + AROUND, v2 + AROUND), IGNORE)
        elif max(x2 - x1, y2 - y1) <= SMALL and re.search("check|tick|todo", place["names"]):
            add((x1 - AROUND, y1 - AROUND, x2 + AROUND, y2 + AROUND), IGNORE)
    return Page(image, np.array(boxes, np.float32).reshape(-1, 4), np.array(states, np.int8))


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the pages that come with packages, and label them.")
    parser.add_argument("--kits", type=Path, default=HERE / "work" / "kits", help="where packages are unpacked")
    parser.add_argument("--shots", type=Path, default=HERE / "work" / "demos", help="where the pictures are")
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages" / "demos", help="for training")
    parser.add_argument("--planted", type=Path, default=HERE / "work" / "pages" / "planted", help="for training, too")
    parser.add_argument("--set", type=Path, default=SETS / "demos", help="for the evaluation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if not drivable():
        raise SystemExit(MISSING)
    packages = read_list()
    shots(packages, args.kits, args.shots)
    shots([package for package in packages if not held_out(package)], args.kits, args.shots, planted=True)
    rng = np.random.default_rng(args.seed)
    for out in (args.pages, args.planted, args.set):
        out.mkdir(parents=True, exist_ok=True)
    wanted = set(packages)
    for picture in sorted(args.shots.glob("*.png")):
        about = json.loads(picture.with_suffix(".json").read_text())
        if about["package"] not in wanted:
            continue
        page, out = page_of(picture), args.set
        if not held_out(about["package"]):
            page = to_scale(page, float(rng.uniform(*STORED)))
            out = args.planted if about["planted"] else args.pages
        save(page, out, picture.stem)


if __name__ == "__main__":
    main()
