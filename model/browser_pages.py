"""Screenshots of real HTML in a real browser: CSS kits, icon fonts and native controls, labelled from the document.

    python -m model.browser_pages --count 1500                   # training pages, in model/work/pages/browser
    python -m model.browser_pages --count 120 --held-out --out model/work/eval/web

Needs Chromium (`chromium` or `google-chrome` on the path), the Python package playwright and, once, npm to fetch the kits'
files named in KITS and ICONS.  Kits and icon fonts are split in two: some draw training pages, the others (`held_out`)
only the evaluation set, so that no style is on both sides.

Where a kit draws its box is measured, not read from its CSS: each control is photographed alone, empty, at four times its
size, and what differs from the ground is the box.
"""

from __future__ import annotations

import argparse
import html
import shutil
import subprocess
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.degrade import degrade
from model.draw import STORED, to_grey, to_scale
from model.page import EMPTY, FILLED, IGNORE, Page, save

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

HERE = Path(__file__).parent
Rng = np.random.Generator
Image = NDArray[np.uint8]

LEAST = 7.0  # px: boxes shown smaller are ignored
SCREEN = 800_000  # pixels of a page that counts as one
LARGEST = 48  # CSS pixels: no kit draws a larger box, so what measures more is something else
PROBE = 40  # px of ground around a control when it is measured

MISSING = "no Chromium, playwright or kits here: no pages of the browser are made (see model/browser_pages.py)"


# Its classes are those by which kits colour it.
TICK = '<svg class="p-checkbox-icon text-white" viewBox="0 0 14 14" width="14" height="14"><path d="M2 7.4 5.4 10.8 12 3.6" fill="none" stroke="currentColor" stroke-width="1.8"/></svg>'


@dataclass(frozen=True)
class Kit:
    """A way to draw checkboxes.  markup: HTML of one control without its text; in it {on} becomes `on` if it is checked
    and else `off`, {tick} a mark if it is checked.

    package, css: npm package with version and its style sheets, "" for none.  dark: share of its pages with a dark ground.
    radio: whether its radio button is that markup with "radio" for "checkbox".
    """

    name: str
    markup: str
    on: str = "checked"
    package: str = ""
    css: str = ""
    held_out: bool = False
    dark: float = 0.0
    radio: bool = False
    off: str = ""

    def control(self, on: bool, radio: bool = False) -> str:
        """One control, empty or checked; or the kit's radio button."""
        html = self.markup.replace("{tick}", TICK if on else "").replace("{on}", self.on if on else self.off)
        return html.replace("checkbox", "radio") if radio else html


def _input(kind: str = "") -> str:
    """An input that is drawn itself."""
    return f'<input type="checkbox" class="{kind}" {{on}}>'


def _within(kind: str, mark: str, of_input: str = "") -> str:
    """An input hidden in a label, and the element that is drawn."""
    return f'<label class="{kind}">{_input(of_input)}<span class="{mark}"></span></label>'


def _beside(kind: str, label: str = "", of_input: str = "") -> str:
    """A hidden input and its label, before whose text (a space: marks are placed by it) the box is drawn."""
    return f'<div class="{kind}">{_input(of_input)}<label class="{label}">&nbsp;</label></div>'


def _spans(outer: str, inner: str) -> str:
    """No input, only elements with classes; {on} is one of the outer's."""
    return f'<span class="{outer} {{on}}"><span class="{inner}"></span></span>'


def _prime(theme: str, dark: float = 0.0) -> Kit:
    box = '<div class="p-checkbox p-component"><div class="p-checkbox-box {on}">{tick}</div></div>'
    return Kit(
        f"prime-{theme}",
        box,
        "p-highlight",
        "primereact@9.6.2",
        f"resources/primereact.min.css resources/themes/{theme}/theme.css",
        dark=dark,
    )


def _icheck(name: str, css: str) -> Kit:
    return Kit(
        f"icheck-{name}",
        f'<div class="icheckbox_{name} {{on}}"></div>',
        "checked",
        "icheck@1.0.2",
        f"skins/{css}.css",
        radio=True,
    )


def _dijit(theme: str) -> Kit:
    return Kit(
        f"dijit-{theme}",
        f'<div class="{theme}"><div class="dijit dijitReset dijitInline dijitCheckBox {{on}}"></div></div>',
        "dijitCheckBoxChecked",
        "dijit@1.17.3",
        f"themes/{theme}/{theme}.css",
    )


_MDC = '<div class="mdc-checkbox"><input type="checkbox" class="mdc-checkbox__native-control" {on}><div class="mdc-checkbox__background">{tick}</div></div>'
_QUASAR = '<div class="q-checkbox row inline no-wrap items-center"><div class="q-checkbox__inner relative-position {on}"><div class="q-checkbox__bg absolute flex flex-center">{tick}</div></div></div>'
_SUITE = '<div class="rs-checkbox {on}"><div class="rs-checkbox-checker"><label><span class="rs-checkbox-control"><span class="rs-checkbox-inner"></span></span></label></div></div>'
_VANT = '<div class="van-checkbox"><div class="van-checkbox__icon van-checkbox__icon--square {on}"><i class="van-icon van-icon-success"></i></div></div>'
_PRIMER = '<div data-color-mode="light" data-light-theme="light"><input type="checkbox" class="FormControl-checkbox" {on}></div>'
_EUI = '<div class="euiCheckbox" style="width:16px;height:24px"><input class="euiCheckbox__input" type="checkbox" {on}><div class="euiCheckbox__square"></div></div>'
_CODEX = '<span class="cdx-checkbox"><span class="cdx-checkbox__wrapper"><input class="cdx-checkbox__input" type="checkbox" {on}><span class="cdx-checkbox__icon"></span></span></span>'
KITS = (
    Kit("native", _input(), dark=0.35),
    Kit("bootstrap", _input("form-check-input"), "checked", "bootstrap@5.3.8", "dist/css/bootstrap.min.css", dark=0.35, radio=True),
    Kit("uikit", _input("uk-checkbox"), "checked", "uikit@3.25.25", "dist/css/uikit.min.css", radio=True),
    Kit("element", '<label class="el-checkbox" style="height:auto"><span class="el-checkbox__input {on}"><span class="el-checkbox__inner"></span></span></label>', "is-checked", "element-plus@2.14.8", "dist/index.css", radio=True),
    Kit("daisy", _input("checkbox"), "checked", "daisyui@4.12.24", "dist/full.css", dark=0.35, radio=True),
    Kit("bulma", _input(), "checked", "bulma@1.0.4", "css/bulma.min.css", dark=0.35),
    Kit("materialize-solid", _within("", "", "filled-in"), "checked", "materialize-css@1.0.0", "dist/css/materialize.min.css"),
    Kit("blueprint", _within("bp5-control bp5-checkbox", "bp5-control-indicator"), "checked", "@blueprintjs/core@5.19.1", "lib/css/blueprint.css", radio=True),
    Kit("picnic", _within("", "checkable"), "checked", "picnic@7.1.0", "picnic.min.css"),
    Kit("carbon", _input("bx--checkbox") + '<label class="bx--checkbox-label"></label>', "checked", "carbon-components@10.58.15", "css/carbon-components.min.css"),
    Kit("govuk", '<div class="govuk-checkboxes__item" style="margin:0"><input type="checkbox" class="govuk-checkboxes__input" {on}><label class="govuk-label govuk-checkboxes__label">&nbsp;</label></div>', "checked", "govuk-frontend@5.14.0", "dist/govuk/govuk-frontend.min.css"),
    Kit("iview", _spans("ivu-checkbox", "ivu-checkbox-inner"), "ivu-checkbox-checked", "view-design@4.7.0", "dist/styles/iview.css", radio=True),
    Kit("patternfly", f'<div class="pf-v5-c-check">{_input("pf-v5-c-check__input")}</div>', "checked", "@patternfly/patternfly@5.4.2", "patternfly.min.css"),
    Kit("windows-98", _beside(""), "checked", "98.css@0.1.20", "dist/98.css", radio=True),
    Kit("windows-xp", _beside(""), "checked", "xp.css@0.2.6", "dist/XP.css", radio=True),
    Kit("windows-7", _beside(""), "checked", "7.css@0.16.0", "dist/7.css", radio=True),
    Kit("macintosh", _beside(""), "checked", "@sakun/system.css@0.1.11", "dist/system.css", radio=True),
    Kit("nes", _within("", "", "nes-checkbox"), "checked", "nes.css@2.3.0", "css/nes.min.css"),
    Kit("paper", f'<div class="form-group">{_within("paper-check", "")}</div>', "checked", "papercss@1.9.2", "dist/paper.min.css"),
    Kit("mini", _input(), "checked", "mini.css@3.0.1", "dist/mini-default.min.css", radio=True),
    Kit("mini-dark", _input(), "checked", "mini.css@3.0.1", "dist/mini-dark.min.css", dark=1.0, radio=True),
    Kit("halfmoon", _beside("custom-checkbox", "blank"), "checked", "halfmoon@1.1.1", "css/halfmoon.min.css", radio=True),
    Kit("flowbite", _input("w-4 h-4"), "checked", "flowbite@2.5.1", "dist/flowbite.min.css", radio=True),
    Kit("buefy", _within("b-checkbox checkbox", "check"), "checked", "buefy@0.9.29", "dist/buefy.min.css", radio=True),
    Kit("codex", _CODEX, "checked", "@wikimedia/codex@1.14.0", "dist/codex.style.css", radio=True),
    Kit("metro", _within("checkbox", "check"), "checked", "metro4@4.5.0", "build/css/metro.min.css", radio=True),
    Kit("uswds", '<div class="usa-checkbox" style="background:none"><input type="checkbox" class="usa-checkbox__input" {on}><label class="usa-checkbox__label">&nbsp;</label></div>', "checked", "@uswds/uswds@3.8.1", "dist/css/uswds.min.css", radio=True),
    Kit("nhs", _beside("nhsuk-checkboxes__item", "nhsuk-label nhsuk-checkboxes__label", "nhsuk-checkboxes__input"), "checked", "nhsuk-frontend@8.3.0", "dist/nhsuk.css"),
    Kit("clarity", _beside("clr-checkbox-wrapper"), "checked", "@clr/ui@13.0.0", "clr-ui.min.css", radio=True),
    Kit("clarity-dark", _beside("clr-checkbox-wrapper"), "checked", "@clr/ui@13.0.0", "clr-ui-dark.min.css", dark=1.0, radio=True),
    Kit("mdb", _input("form-check-input"), "checked", "mdb-ui-kit@7.3.0", "css/mdb.min.css", radio=True),
    Kit("mdb-dark", _input("form-check-input"), "checked", "mdb-ui-kit@7.3.0", "css/mdb.dark.min.css", dark=1.0, radio=True),
    Kit("bootstrap-4", _beside("custom-control custom-checkbox", "custom-control-label", "custom-control-input"), "checked", "bootstrap@4.6.2", "dist/css/bootstrap.min.css", radio=True),
    Kit("icheck-bootstrap", _beside("icheck-primary"), "checked", "icheck-bootstrap@3.0.1", "icheck-bootstrap.min.css", radio=True),
    Kit("pretty", '<div class="pretty p-default p-thick"><input type="checkbox" {on}><div class="state"><label></label></div></div>', "checked", "pretty-checkbox@3.0.3", "dist/pretty-checkbox.min.css"),
    Kit("mdc", _MDC, "checked", "material-components-web@14.0.0", "dist/material-components-web.min.css"),
    Kit("quasar", _QUASAR, "q-checkbox__inner--truthy", "quasar@2.16.0", "dist/quasar.prod.css", off="q-checkbox__inner--falsy"),
    Kit("rsuite", _SUITE, "rs-checkbox-checked", "rsuite@5.60.0", "dist/rsuite.min.css", radio=True),
    Kit("vant", _VANT, "van-checkbox__icon--checked", "vant@4.9.0", "lib/index.css"),
    Kit("kendo", _input("k-checkbox k-checkbox-md k-rounded-md"), "checked", "@progress/kendo-theme-default@8.2.1", "dist/all.css", radio=True),
    Kit("italia", '<div class="form-check">' + _input() + "<label></label></div>", "checked", "bootstrap-italia@2.8.8", "dist/css/bootstrap-italia.min.css", radio=True),
    Kit("primer", _PRIMER, "checked", "@primer/css@20.2.4", "dist/primer.css"),
    Kit("eui", _EUI, "checked", "@elastic/eui@27.4.1", "dist/eui_theme_light.min.css"),
    Kit("eui-dark", _EUI, "checked", "@elastic/eui@27.4.1", "dist/eui_theme_dark.min.css", dark=1.0),
    _icheck("square-blue", "square/blue"),
    _icheck("flat-green", "flat/green"),
    _icheck("minimal", "minimal/minimal"),
    _icheck("polaris", "polaris/polaris"),
    _icheck("futurico", "futurico/futurico"),
    _dijit("claro"),
    _dijit("soria"),
    _dijit("tundra"),
    _prime("lara-light-teal"),
    _prime("luna-amber", 1.0),
    _prime("vela-orange", 1.0),
    _prime("md-light-indigo"),
    _prime("fluent-light"),
    _prime("nova"),
    _prime("viva-dark", 1.0),
    Kit("fontawesome", '<i class="fa-regular {on}"></i>', "fa-square-check", "@fortawesome/fontawesome-free@6.7.2", "css/all.min.css", off="fa-square"),
    Kit("mdi", '<i class="mdi {on}" style="font-size:1.5em"></i>', "mdi-checkbox-marked", "@mdi/font@7.4.47", "css/materialdesignicons.min.css", off="mdi-checkbox-blank-outline"),
    Kit("tabler", '<i class="ti {on}" style="font-size:1.3em"></i>', "ti-square-check", "@tabler/icons-webfont@3.36.1", "dist/tabler-icons.min.css", off="ti-square"),
    Kit("phosphor", '<i class="ph {on}"></i>', "ph-check-square", "@phosphor-icons/web@2.1.2", "src/regular/style.css", off="ph-square"),
    Kit("pico", _input(), "checked", "@picocss/pico@2.1.1", "css/pico.min.css", True, 0.35),
    Kit("semantic", '<div class="ui checkbox"><input type="checkbox" {on}><label></label></div>', "checked", "semantic-ui-css@2.5.0", "semantic.min.css", True),
    Kit("antd", '<span class="ant-checkbox {on}"><input type="checkbox" class="ant-checkbox-input"><span class="ant-checkbox-inner"></span></span>', "ant-checkbox-checked", "antd@4.24.16", "dist/antd.min.css", True),
    Kit("spectre", '<label class="form-checkbox"><input type="checkbox" {on}><i class="form-icon"></i></label>', "checked", "spectre.css@0.5.9", "dist/spectre.min.css", True),
)  # fmt: skip


@dataclass(frozen=True)
class Icons:
    """An icon font: its style sheet, the class all icons need, the prefix of their own, and the folder of their SVGs.

    Not every name in the style sheet has a glyph in the one style used here; those with an SVG in the folder do.
    """

    package: str
    css: str
    base: str
    prefix: str
    svgs: str = ""
    held_out: bool = False


ICONS = (
    Icons("@fortawesome/fontawesome-free@6.7.2", "css/all.min.css", "fa-solid", "fa-", "svgs/solid"),
    Icons("@mdi/font@7.4.47", "css/materialdesignicons.min.css", "mdi", "mdi-"),
    Icons("@tabler/icons-webfont@3.36.1", "dist/tabler-icons.min.css", "ti", "ti-"),
    Icons("@phosphor-icons/web@2.1.2", "src/regular/style.css", "ph", "ph-"),
    Icons("bootstrap-icons@1.13.2", "font/bootstrap-icons.min.css", "bi", "bi-", held_out=True),
)
# Icons whose names hold one of these may depict a checkbox or a bare square and are left out.
BOXES = ("check", "square", "box", "task", "todo", "list", "select", "stop", "crop", "rectangle", "border", "unchecked",
         "blank", "frame", "app", "tablet", "layout", "artboard", "marquee", "container", "note", "sticky", "shape", "selection", "dice", "tick", "form", "survey", "ballot", "vote")  # fmt: skip

WORDS = [
    "account",
    "address",
    "all",
    "allow",
    "always",
    "amount",
    "answer",
    "apply",
    "archive",
    "area",
    "back",
    "basic",
    "billing",
    "book",
    "branch",
    "browse",
    "calendar",
    "cancel",
    "card",
    "category",
    "change",
    "city",
    "clear",
    "close",
    "code",
    "colour",
    "comment",
    "company",
    "confirm",
    "contact",
    "continue",
    "copy",
    "country",
    "create",
    "customer",
    "daily",
    "dark",
    "date",
    "default",
    "delete",
    "delivery",
    "details",
    "device",
    "dinner",
    "done",
    "download",
    "edit",
    "email",
    "empty",
    "enable",
    "english",
    "entry",
    "error",
    "every",
    "export",
    "field",
    "file",
    "filter",
    "first",
    "form",
    "free",
    "garden",
    "group",
    "guest",
    "help",
    "hide",
    "history",
    "home",
    "hour",
    "image",
    "import",
    "income",
    "invoice",
    "item",
    "january",
    "keep",
    "label",
    "language",
    "last",
    "later",
    "learn",
    "limit",
    "link",
    "list",
    "local",
    "location",
    "mail",
    "manager",
    "medium",
    "member",
    "menu",
    "message",
    "mobile",
    "month",
    "more",
    "name",
    "never",
    "new",
    "news",
    "next",
    "no",
    "none",
    "note",
    "notice",
    "number",
    "offer",
    "open",
    "option",
    "order",
    "other",
    "owner",
    "page",
    "paper",
    "partner",
    "password",
    "payment",
    "person",
    "phone",
    "photo",
    "plan",
    "police",
    "post",
    "price",
    "print",
    "private",
    "product",
    "profile",
    "public",
    "question",
    "quick",
    "read",
    "reason",
    "receive",
    "recent",
    "region",
    "remember",
    "remove",
    "report",
    "reset",
    "result",
    "return",
    "review",
    "room",
    "sale",
    "save",
    "school",
    "search",
    "second",
    "send",
    "server",
    "service",
    "share",
    "ship",
    "show",
    "sign",
    "size",
    "small",
    "sort",
    "source",
    "staff",
    "start",
    "state",
    "status",
    "stop",
    "store",
    "street",
    "subject",
    "submit",
    "summary",
    "support",
    "system",
    "table",
    "tax",
    "team",
    "terms",
    "test",
    "text",
    "theme",
    "time",
    "title",
    "today",
    "total",
    "travel",
    "type",
    "update",
    "upload",
    "user",
    "value",
    "view",
    "visit",
    "warning",
    "water",
    "week",
    "weekly",
    "window",
    "work",
    "year",
    "yes",
    "zip",
]
SCRIPTS = (
    (0x410, 0x44F),
    (0x3B1, 0x3C9),
    (0x4E00, 0x7FFF),
    (0x3042, 0x3093),
    (0x5D0, 0x5EA),
    (0x627, 0x64A),
    (0x905, 0x939),
)
FONTS = ("sans-serif", "serif", "monospace", "DejaVu Sans", "Liberation Sans", "Liberation Serif", "Noto Sans", "Noto Serif",
         "Cantarell", "FreeSans", "FreeSerif", "Comfortaa", "Lato", "Roboto", "Open Sans", "cursive")  # fmt: skip


SIGNS = "✓✔✗✘xX×●•■–—-/\\✓xX"  # typed into a box; those twice here, twice as often
# Of a keyboard and of small buttons; what in a frame would be a filled or an unclear box is left out: X, □, a tick, a cross.
KEYS = [
    *"ABCDEFGHIJKLMNOPQRSTUVWYZ0123456789+?!#%&@<>/;*",
    "Esc",
    "Tab",
    "Alt",
    "Ctrl",
    "F5",
    "↑",
    "↓",
    "←",
    "→",
    "⇧",
    "⌘",
    "▲",
    "▼",
    "▶",
    "☰",
    "⋮",
    "…",
]


def browser_path() -> str | None:
    """The browser to use, None if there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


def drivable() -> bool:
    """Whether the browser and the package that drives it are there."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return False
    return browser_path() is not None


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, closed at the end whatever happens.  Needs what `drivable` asks for."""
    from playwright.sync_api import sync_playwright  # an optional package

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def fetch(folder: Path) -> None:
    """Fetch the packages of KITS and ICONS into folder/NAME.  Raises CalledProcessError if npm cannot."""
    for package in sorted({k.package for k in KITS if k.package} | {i.package for i in ICONS}):
        fetch_package(package, folder)


def fetch_package(package: str, folder: Path) -> Path:
    """Download and unpack a package (`name@version`) of the npm registry, of which nothing is run; its folder.

    Raises CalledProcessError if npm cannot.
    """
    target = unpacked(folder, package)
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    print(f"fetching {package}", flush=True)
    done = subprocess.run(
        ["npm", "pack", "--silent", "--ignore-scripts", package],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    archive, part = folder / done.stdout.split()[-1], target.with_suffix(".part")
    with tarfile.open(archive) as tar:
        tar.extractall(part, filter="data")
    archive.unlink()
    return part.rename(target)


def unpacked(folder: Path, package: str) -> Path:
    """Where a package's files lie."""
    return folder / package.replace("/", "_").replace("@", "_").replace(".", "_")


def style_sheet(folder: Path, package: str, css: str) -> str:
    return (unpacked(folder, package) / "package" / css).as_uri()


def icon_names(folder: Path, icons: Icons) -> list[str]:
    """The classes of an icon font's icons, less those in BOXES."""
    package = unpacked(folder, icons.package) / "package"
    text = (package / icons.css).read_text()
    names = (
        {p.stem for p in (package / icons.svgs).glob("*.svg")}
        if icons.svgs
        else {part.split("{")[0].split(":")[0].split(",")[0] for part in text.split(f".{icons.prefix}")[1:]}
    )
    return sorted(n for n in names if n.replace("-", "").isalnum() and not any(b in n for b in BOXES) and len(n) > 2)


def between(a: str, b: str, share: float) -> str:
    """The colour `share` of the way from a to b, all as #rrggbb."""
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in parts)


# ---- one page as HTML ----------------------------------------------------------------------------------------------


class Author:
    """Writes one page; what it chose for the page's controls stays the same all over it."""

    def __init__(self, rng: Rng, kit: Kit, icons: Icons, names: list[str], screens: int = 1) -> None:
        """`screens`: how many ordinary pages' worth it writes; more than one are set in columns."""
        self.rng, self.kit, self.icons, self.names, self.screens = rng, kit, icons, names, screens
        self.script = SCRIPTS[rng.integers(len(SCRIPTS))] if rng.random() < 0.2 else None
        self.share = float(rng.choice([0.0, 0.15, 0.4, 0.7]))
        self.size = float(np.exp(rng.normal(np.log(15), 0.22)))
        self.font = FONTS[int(rng.integers(len(FONTS)))]
        self.dark = kit.dark > 0 and rng.random() < kit.dark
        accent = rng.integers(0, 256, 3)
        self.accent = f"rgb({accent[0]},{accent[1]},{accent[2]})"
        self.styled = rng.random() < 0.7 and kit.name == "native"  # appearance: none and a style of its own
        # Squares with a sign typed into them.
        self.typed = rng.random() < 0.25 and kit.name == "native" and not self.dark
        self.partly = float(rng.choice([0.0, 0.0, 0.0, 0.3, 0.7]))  # share of the checked ones that show a dash
        self.zoom = float(rng.choice([1.0, 1.0, 1.0, 1.25, 1.5, 0.9, 2.0]))
        self.boxes = rng.random() < 0.85
        self.style = self.css()

    def words(self, low: int, high: int) -> str:
        n = int(self.rng.integers(low, high + 1))
        if self.script is not None and self.rng.random() < 0.85:
            a, b = self.script
            return " ".join(
                "".join(chr(int(c)) for c in self.rng.integers(a, b + 1, int(self.rng.integers(1, 8))))
                for _ in range(n)
            )
        text = " ".join(WORDS[int(k)] for k in self.rng.integers(len(WORDS), size=n))
        return html.escape(text.capitalize() if self.rng.random() < 0.7 else text)

    def box(self, on: bool | None = None) -> str:
        """A control with its label's place marked; a circle or a switch on pages that have no checkbox."""
        on = bool(self.rng.random() < self.share) if on is None else on
        if not self.boxes:
            return self.radio(on) if self.rng.random() < 0.5 else self.icon()
        return f'<span class="probe" data-state="{FILLED if on else EMPTY}">{self.control(on)}</span>'

    def control(self, on: bool) -> str:
        """The page's checkbox."""
        if not self.typed:
            return self.kit.control(on)
        initials = "".join(chr(int(c)) for c in self.rng.integers(65, 91, 2))
        sign = initials if self.rng.random() < 0.15 else SIGNS[int(self.rng.integers(len(SIGNS)))]
        return f'<span class="typed">{sign if on else ""}</span>'

    def radio(self, on: bool, name: str = "") -> str:
        """A radio button as the kit draws it, if it is known how, or as its style sheet has the browser draw it."""
        if self.kit.radio:
            return f'<span class="radio0">{self.kit.control(on, radio=True)}</span>'
        return f'<input type="radio" name="{name}" {"checked" if on else ""}>'

    def icon(self) -> str:
        name = self.names[int(self.rng.integers(len(self.names)))]
        return f'<i class="{self.icons.base} {self.icons.prefix}{name} icon"></i>'

    def icons_row(self) -> str:
        gap = int(self.rng.integers(4, 30))
        size = self.rng.uniform(0.8, 2.4)
        row = "".join(
            f"<span style='margin-right:{gap}px'>{self.icon()}</span>" for _ in range(int(self.rng.integers(4, 16)))
        )
        return f"<p style='font-size:{size:.2f}em;white-space:nowrap;overflow:hidden'>{row}</p>"

    def heading(self) -> str:
        return f"<h{self.rng.integers(1, 5)}>{self.words(1, 6)}</h{self.rng.integers(1, 5)}>"

    def paragraph(self) -> str:
        return f"<p>{self.words(6, 50)}.</p>"

    def options(self) -> str:
        """Checkboxes with labels: below each other, beside each other, or the box at the right."""
        kind = int(self.rng.integers(4))
        rows = []
        for _ in range(int(self.rng.integers(2, 9))):
            icon = self.icon() if self.rng.random() < 0.12 else ""
            text = f"<span>{self.words(1, 7 if kind != 1 else 2)}</span>"
            if kind == 1:
                rows.append(f"<span style='display:inline-block;margin-right:1.4em'>{self.box()} {text}</span>")
            elif kind == 2:
                rows.append(f"<div class='opt apart'>{text}{self.box()}</div>")
            else:
                small = f"<br><small>{self.words(4, 12)}</small>" if kind == 3 and self.rng.random() < 0.5 else ""
                rows.append(f"<div class='opt'>{self.box()} {icon} <span>{text}{small}</span></div>")
        return f"<div class='opts'>{''.join(rows)}</div>"

    def radios(self) -> str:
        name = f"r{self.rng.integers(1 << 30)}"
        chosen = int(self.rng.integers(-1, 4))
        beside = self.rng.random() < 0.4
        rows = [
            f"<label style='margin-right:1em'>{self.radio(i == chosen, name)} {self.words(1, 3)}</label>"
            for i in range(int(self.rng.integers(2, 6)))
        ]
        tag = "div" if self.kit.radio else "p"  # no block of a kit's may lie in a <p>
        return f"<{tag}>{('' if beside else '<br>').join(rows)}</{tag}>"

    def switches(self) -> str:
        rows = []
        for _ in range(int(self.rng.integers(1, 5))):
            on = self.rng.random() < 0.5
            knob = "right:2px" if on else "left:2px"
            rows.append(
                f"<div class='opt apart'><span>{self.words(1, 5)}</span><span class='switch {'on' if on else ''}'>"
                f"<span style='{knob}'></span></span></div>"
            )
        return "".join(rows)

    def fields(self) -> str:
        rows = []
        for _ in range(int(self.rng.integers(1, 5))):
            kind = int(self.rng.integers(5))
            value = self.words(1, 3) if self.rng.random() < 0.5 else ""
            if kind == 0:
                rows.append(f"<p><select><option>{self.words(1, 2)}</option></select></p>")
            elif kind == 1:
                rows.append(f"<p><textarea rows=2>{value}</textarea></p>")
            elif kind == 2:  # a code in single places
                digits = "".join(
                    f"<span class='digit'>{self.rng.integers(10) if self.rng.random() < 0.5 else '&nbsp;'}</span>"
                    for _ in range(int(self.rng.integers(4, 9)))
                )
                rows.append(f"<p>{digits}</p>")
            else:
                rows.append(f"<p><label>{self.words(1, 3)} <input type='text' value='{value}'></label></p>")
        return "".join(rows)

    def buttons(self) -> str:
        return "<p>" + " ".join(
            f"<button>{self.icon() if self.rng.random() < 0.3 else ''} {self.words(1, 2)}</button>"
            for _ in range(int(self.rng.integers(1, 6)))
        ) + "</p>"  # fmt: skip

    def table(self) -> str:
        columns = int(self.rng.integers(2, 6))
        matrix = self.rng.random() < 0.3
        head = "".join(f"<th>{self.words(1, 1)}</th>" for _ in range(columns))
        rows = [f"<tr><th>{self.box(False) if not matrix else self.words(1, 1)}</th>{head}</tr>"]
        for _ in range(int(self.rng.integers(2, 12))):
            cells = "".join(
                f"<td>{self.box() if matrix else self.icon() if self.rng.random() < 0.1 else self.words(1, 3)}</td>"
                for _ in range(columns)
            )
            rows.append(f"<tr><td>{self.words(1, 2) if matrix else self.box()}</td>{cells}</tr>")
        return f"<table class='table {'ruled' if self.rng.random() < 0.6 else ''}'>{''.join(rows)}</table>"

    def calendar(self) -> str:
        cells = [str(i % 31 + 1) for i in range(int(self.rng.choice([28, 35, 42])))]
        rows = "".join(
            "<tr>" + "".join(f"<td>{c}</td>" for c in cells[i : i + 7]) + "</tr>" for i in range(0, len(cells), 7)
        )
        return f"<table class='calendar'>{rows}</table>"

    def badges(self) -> str:
        radius = int(self.rng.choice([0, 3, 50]))
        return "<p>" + " ".join(
            f"<span class='badge0' style='border-radius:{radius}px'>{self.rng.integers(100) if self.rng.random() < 0.6 else chr(int(self.rng.integers(65, 91)))}</span>"
            f" {self.words(1, 2)}"
            for _ in range(int(self.rng.integers(2, 8)))
        ) + "</p>"  # fmt: skip

    def code(self) -> str:
        return (
            "<pre>"
            + "\n".join(f"{self.words(1, 3)}[{i}] = ({self.words(1, 2)});" for i in range(int(self.rng.integers(2, 9))))
            + "</pre>"
        )

    def drawing(self) -> str:
        """A chart, a map or an avatar row as SVG."""
        w, h = 300, int(self.rng.integers(60, 200))
        parts = []
        for _ in range(int(self.rng.integers(4, 16))):
            x, y = self.rng.uniform(0, w), self.rng.uniform(0, h)
            grey = int(self.rng.integers(256))
            kind = int(self.rng.integers(4))
            if kind == 0:
                parts.append(
                    f"<circle cx={x:.0f} cy={y:.0f} r={self.rng.uniform(4, 30):.0f} fill='rgb({grey},{grey},90)'/>"
                )
            elif kind == 1:
                parts.append(
                    f"<rect x={x:.0f} y={y:.0f} width={self.rng.uniform(6, 20):.0f} height={h - y:.0f} fill='rgb(90,{grey},{grey})'/>"
                )
            else:
                points = " ".join(f"{self.rng.uniform(0, w):.0f},{self.rng.uniform(0, h):.0f}" for _ in range(5))
                parts.append(
                    f"<polyline points='{points}' fill='none' stroke='rgb({grey},80,80)' stroke-width={self.rng.uniform(0.5, 3):.1f} />"
                )
        return f"<svg width={w} height={h}>{''.join(parts)}</svg>"

    def legend(self) -> str:
        """What a chart's colours mean: plain squares, most without a frame, each of a colour of its own, beside their names."""
        low, high = (110, 220) if self.dark else (60, 165)  # neither as pale as a box's ground nor as dark as its mark
        side, across = self.rng.uniform(0.6, 1.2), self.rng.random() < 0.4
        wide = side * (self.rng.uniform(1.0, 1.5) if self.rng.random() < 0.3 else 1.0)
        shape = f"border-radius: {self.rng.choice([0, 0, 0, 2, 4])}px"
        if self.rng.random() < 0.25:
            shape += f"; border: 1px solid {self.rng.choice(['#0008', '#8888', '#fff8'])}"
        entries: list[str] = []
        count = int(self.rng.integers(2, 10))
        while len(entries) < count:
            red, green, blue = (int(v) for v in self.rng.integers(0, 256, 3))
            if low <= 0.299 * red + 0.587 * green + 0.114 * blue <= high:
                square = f"display: inline-block; width: {wide:.2f}em; height: {side:.2f}em; background: rgb({red},{green},{blue}); {shape}"
                entries.append(
                    f"<span style='margin-right: 1.2em'><span style='{square}'></span> {self.words(1, 3)}</span>"
                )
        return f"{self.drawing()}<p>{(' ' if across else '<br>').join(entries)}</p>"

    def keys(self) -> str:
        """Keys of a keyboard, and buttons that hold one sign: the frames of both are squares."""
        style = f"display: inline-block; min-width: 1.1em; padding: 0 {self.rng.uniform(0.1, 0.4):.2f}em; text-align: center; border: 1px solid #888; border-radius: {self.rng.integers(0, 6)}px"

        def key() -> str:
            return f"<span style='{style}'>{KEYS[int(self.rng.integers(len(KEYS)))]}</span>"

        if self.rng.random() < 0.4:
            return f"<p>{' '.join(key() for _ in range(int(self.rng.integers(3, 14))))}</p>"
        lines = [f"{key()} + {key()} {self.words(2, 6)}" for _ in range(int(self.rng.integers(2, 7)))]
        return f"<p>{'<br>'.join(lines)}</p>"

    def comparison(self) -> str:
        """A table whose cells hold ticks, crosses and dots, but no box."""
        signs = str(self.rng.choice(["✓✗", "✔✘", "✔–", "✓×", "●○", "✔✖", "x ", "X "]))
        columns = int(self.rng.integers(2, 7))
        rows = "".join(
            f"<tr><td>{self.words(1, 4)}</td>"
            + "".join(
                f"<td style='text-align: center'>{signs[int(self.rng.integers(len(signs)))]}</td>"
                for _ in range(columns)
            )
            + "</tr>"
            for _ in range(int(self.rng.integers(3, 12)))
        )
        return f"<table class='table {'ruled' if self.rng.random() < 0.6 else ''}'>{rows}</table>"

    def bullets(self) -> str:
        sign = str(self.rng.choice(["square", "disc", "circle", '"■ "', '"▪ "', '"◆ "', '"● "', '"▸ "', '"– "']))
        items = "".join(f"<li>{self.words(2, 9)}</li>" for _ in range(int(self.rng.integers(2, 8))))
        return f"<ul style='list-style: {sign}'>{items}</ul>"

    def css(self) -> str:
        """The page's own style, above the kit's."""
        rng = self.rng
        if self.dark:
            grey = int(rng.integers(6, 64))
            paper, ink = f"#{grey:02x}{grey:02x}{grey:02x}", "#e8e8e8"
        else:
            paper = str(rng.choice(["#ffffff", "#ffffff", "#ffffff", "#f8f9fa", "#f0f2f5", "#fffbe8", "#eef6ff"]))
            ink = str(rng.choice(["#000000", "#222222", "#333333", "#444a55"]))
        lines = [
            f"html {{ background: {paper} !important; color-scheme: {'dark' if self.dark else 'light'} }}",
            f"body {{ margin: 0; padding: {rng.integers(0, 30)}px; background: {paper} !important; color: {ink} !important; "
            f"font: {self.size:.1f}px/{rng.uniform(1.2, 1.8):.2f} '{self.font}', sans-serif !important; overflow-x: hidden }}",
            f".opt {{ display: flex; align-items: {rng.choice(['center', 'flex-start'])}; gap: {rng.integers(3, 14)}px; padding: {rng.integers(1, 10)}px 0; "
            f"{'border-bottom: 1px solid #8884' if rng.random() < 0.4 else ''} }} .opt.apart {{ justify-content: space-between }}",
            ".probe, .radio0 { display: inline-block } .opts { margin: 8px 0 }",
            f".switch {{ position: relative; width: 2.2em; height: 1.2em; border-radius: 1em; background: #999; flex: none }} .switch.on {{ background: {self.accent} }}",
            ".switch span { position: absolute; top: 2px; width: calc(1.2em - 4px); height: calc(1.2em - 4px); border-radius: 50%; background: #fff }",
            f".digit {{ display: inline-block; width: 1.9em; line-height: 2.2em; text-align: center; border: 1px solid #777; margin-right: {rng.integers(0, 8)}px }}",
            f".badge0 {{ display: inline-block; min-width: 1.5em; line-height: 1.5em; text-align: center; background: {self.accent}; color: #fff; font-weight: bold }}",
            f".calendar td {{ width: 2em; height: 2em; text-align: center; {'border: 1px solid #999' if rng.random() < 0.6 else ''} }} table {{ border-collapse: collapse }}",
            f".table td, .table th {{ padding: {rng.integers(1, 9)}px {rng.integers(3, 14)}px; text-align: left }} .ruled td, .ruled th {{ border: 1px solid #8888 }}",
        ]
        if self.kit.name in ("native", "bulma"):
            side = self.size * rng.uniform(0.75, 1.6)
            if rng.random() < 0.5 or self.styled:
                lines.append(
                    f"input[type=checkbox] {{ width: {side:.1f}px; height: {side:.1f}px; accent-color: {self.accent} }}"
                )
        if self.styled:
            lines += self.own_style(ink, paper)
        if self.typed:
            side = self.size * rng.uniform(0.8, 1.5)
            lines.append(
                f".typed {{ display: inline-block; box-sizing: border-box; width: {side:.1f}px; height: {side:.1f}px; "
                f"border: {rng.choice(['1px', '1px', '1.5px', '2px'])} solid {ink}; font: {rng.choice(['', 'italic', 'bold'])} "
                f"{side * rng.uniform(0.55, 1.1):.1f}px/{side * rng.uniform(0.8, 1.0):.1f}px {rng.choice(['cursive', 'serif', 'sans-serif'])}; "
                f"text-align: center; vertical-align: middle; white-space: nowrap; text-indent: {rng.uniform(-0.15, 0.0):.2f}em; "
                f"color: {rng.choice([ink, '#1a2f8f'])} }}"
            )
        return "\n".join(lines)

    def own_style(self, ink: str, paper: str) -> list[str]:
        """Checkboxes, radio buttons and badges as a designer makes them, in one style: a bare input with a frame that may
        be faint, or none and a ground of its own; filled by a mark, or solid with a light mark."""
        rng = self.rng
        side = self.size * rng.uniform(0.75, 1.7)
        faint = float(np.exp(rng.uniform(np.log(0.07), 0.0)))  # contrast of the frame, as a share of the ink's
        colour = str(
            rng.choice([between(paper, ink, faint), between(paper, ink, faint), between(paper, ink, 0.6), self.accent])
        )
        border = rng.choice(["1px", "1px", "1.5px", "2px", "3px"])
        line = str(rng.choice(["solid", "solid", "solid", "solid", "dashed", "double"]))
        ground = str(rng.choice(["transparent", "transparent", between(paper, "#ffffff", 0.9), between(paper, "#000000", rng.uniform(0.1, 0.9)),
                                 between(paper, ink, rng.uniform(0.05, 0.35))]))  # fmt: skip
        if rng.random() < 0.1:  # no frame: the ground alone makes the square
            border, ground = "0px", between(paper, ink, rng.uniform(0.09, 0.35))
        if rng.random() < 0.07:  # as browsers drew them until about 2015
            low = between("#ffffff", "#000000", rng.uniform(0.05, 0.2))
            ground = f"linear-gradient({rng.choice([180, 0])}deg, #fff, {low})"
            border, colour = "1px", between("#ffffff", "#000000", rng.uniform(0.3, 0.65))
        most = 0.28 if rng.random() < 0.85 else 0.34  # of the side; half of it is a circle
        radius = int(min(rng.choice([0, 0, 2, 3, 4, 6, 9]), most * side))
        shadow = str(rng.choice(["none", "none", "none", "2px 2px 2px #0006", "inset 1px 1px 3px #0005"]))
        shape = str(rng.choice([
            "polygon(14% 44%, 0 65%, 50% 100%, 100% 16%, 80% 0%, 43% 62%)",  # tick
            "polygon(8% 50%, 0 58%, 38% 92%, 100% 22%, 92% 14%, 38% 76%)",  # a thinner one
            "polygon(20% 0%, 0% 20%, 30% 50%, 0% 80%, 20% 100%, 50% 70%, 80% 100%, 100% 80%, 70% 50%, 100% 20%, 80% 0%, 50% 30%)",
            "circle(45%)", "inset(0)", "inset(40% 0)",
        ]))  # fmt: skip
        solid = rng.random() < 0.5
        fill = str(rng.choice([self.accent, ink, between(paper, ink, rng.uniform(0.25, 1.0))]))
        light = paper if rng.random() < 0.5 else "#fff"
        inner = side * rng.uniform(0.45, 0.75)
        checked = f"background: {fill}; border-color: {fill}" if solid else ""
        bare = (
            f"appearance: none; margin: 2px; width: {side:.1f}px; height: {side:.1f}px; border: {border} {line} {colour}; "
            f"background: {ground}; box-shadow: {shadow}; display: inline-grid; place-content: center; flex: none"
        )
        mark = f"content: ''; width: {inner:.1f}px; height: {inner:.1f}px; background: {light if solid else ink}; visibility: hidden"
        return [
            f"input[type=checkbox], input[type=radio] {{ {bare} }}",
            f"input[type=checkbox] {{ border-radius: {radius}px }} input[type=radio] {{ border-radius: 50% }}",
            f"input[type=checkbox]::before {{ {mark}; clip-path: {shape} }} input[type=radio]::before {{ {mark}; clip-path: circle(45%) }}",
            f"input:checked, input[type=checkbox]:indeterminate {{ {checked} }} input:checked::before {{ visibility: visible }}",
            "input[type=checkbox]:indeterminate::before { visibility: visible; clip-path: inset(40% 5%) }",
            f".badge0 {{ background: {fill}; color: {light}; border: {border} {line} {colour}; font-size: {side * 0.62:.1f}px; min-width: 0; width: {side:.1f}px; line-height: {side:.1f}px }}",
        ]

    def body(self) -> str:
        kinds = [self.options, self.options, self.options, self.table, self.radios, self.switches, self.fields, self.buttons, self.icons_row,
                 self.paragraph, self.heading, self.calendar, self.badges, self.code, self.drawing, self.legend, self.keys,
                 self.comparison, self.bullets]  # fmt: skip
        p = np.array([3, 3, 3, 3, 2, 1, 2, 1.5, 2, 2, 2, 0.7, 1, 0.5, 0.8, 2, 0.8, 1, 0.6])
        chosen = self.rng.choice(len(kinds), size=int(self.rng.integers(2, 10)) * self.screens, p=p / p.sum())
        parts = [kinds[int(k)]() for k in chosen]
        if self.screens > 1:
            parts = [
                "<div style='columns: 640px'>",
                *(f"<div style='break-inside: avoid'>{p}</div>" for p in parts),
                "</div>",
            ]
        return "\n".join(parts)

    def document(self, links: list[str], body: str) -> str:
        sheets = "".join(f'<link rel="stylesheet" href="{link}">' for link in links)
        theme = "dark" if self.dark else "light"
        zoom = f"zoom: {self.zoom}"
        return (
            f'<!doctype html><html data-theme="{theme}" data-bs-theme="{theme}"><meta charset="utf-8">{sheets}'
            f'<style>{self.style}</style><body style="{zoom}">{body}</body></html>'
        )


# ---- from HTML to a labelled page ----------------------------------------------------------------------------------


def picture(tab: Tab, clip: dict[str, float] | None = None) -> Image:
    """A screenshot as RGB [H,W,3]."""
    options: dict[str, Any] = {"clip": clip} if clip else {}
    data = np.frombuffer(tab.screenshot(type="png", animations="disabled", **options), np.uint8)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def extent(image: Image, least: float = 0.25) -> tuple[int, int, int, int] | None:
    """x1, y1, x2, y2 of what differs from the ground (the picture's corner) by at least a share of the largest difference."""
    apart = np.abs(image.astype(np.int16) - image[0, 0].astype(np.int16)).max(2)
    if apart.max() < 8:
        return None
    ys, xs = np.nonzero(apart >= least * apart.max())
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


# Left, top and state of each control.  It is where its innermost element is, the one drawn, not where its .probe is:
# style sheets place it otherwise in tables.
PLACES = """() => [...document.querySelectorAll('.probe')].map(e => {
  const drawn = [...e.querySelectorAll(':not(input, svg, svg *)')].pop() ?? e.querySelector('input');
  const r = drawn.getBoundingClientRect();
  return [r.left, r.top, Number(e.dataset.state)];
})"""


# A share of the checked boxes stands for a list of which only a part is checked: most kits show a dash, some nothing.
PARTLY = """share => [...document.querySelectorAll('.probe input:checked')].forEach((e, i) => {
  e.indeterminate = (i * 0.618 + share) % 1 < share;
})"""


def shoot(tab: Tab, author: Author, links: list[str], path: Path) -> Page | None:
    """Render a page; None if its control cannot be measured.  The tab's device pixels are those of the result."""

    def show(body: str) -> None:
        path.write_text(author.document(links, body))
        tab.goto(path.as_uri())

    def show_alone(on: bool) -> None:
        show(f"<div style='padding:{PROBE}px'>{author.box(on)}</div>")

    body = author.body()
    offset, partly = None, 0.0
    if author.boxes:
        show_alone(False)  # where does the control draw its box?
        x, y = tab.evaluate(PLACES)[0][:2]
        ratio = float(tab.evaluate("devicePixelRatio"))
        empty = picture(tab)
        found = extent(empty)
        if found is None:
            return None
        wide, high = found[2] - found[0], found[3] - found[1]
        if not (0.7 < wide / high < 1.43 and 6 * ratio < wide < LARGEST * author.zoom * ratio):
            return None
        offset = np.array(found, np.float64) - np.array([x, y, x, y]) * ratio
        if author.partly:  # does it show at all that a part is checked?
            show_alone(True)
            tab.evaluate(PARTLY, 1.0)
            changed = np.abs(picture(tab).astype(np.int16) - empty).max(2)[found[1] : found[3], found[0] : found[2]]
            partly = author.partly if (changed > 60).mean() > 0.03 else 0.0
    show(body)
    tab.evaluate(PARTLY, partly)
    ratio = float(tab.evaluate("devicePixelRatio"))
    image = picture(tab)
    boxes: list[NDArray[np.float64]] = []
    states: list[int] = []
    height, width = image.shape[:2]
    if offset is not None:
        for x, y, state in tab.evaluate(PLACES):
            box = offset + np.array([x, y, x, y]) * ratio
            cut = box.clip(0, [width, height, width, height])
            area = (box[2] - box[0]) * (box[3] - box[1])
            seen = (cut[2] - cut[0]) * (cut[3] - cut[1]) / area
            if seen < 0.05:
                continue
            boxes.append(cut)
            states.append(int(state) if seen > 2 / 3 and min(cut[2] - cut[0], cut[3] - cut[1]) >= LEAST else IGNORE)
    return Page(image, np.array(boxes, np.float32).reshape(-1, 4), np.array(states, np.int8))


def pages(rng: Rng, kits_folder: Path, held_out: bool, large: bool = False) -> Generator[Page]:
    """Endless pages in colour, 150 to 1,600 px wide, or `large` ones of 1,600 to 3,840 px whose boxes are no larger for it.

    Needs what MISSING names.
    """
    kits = [k for k in KITS if k.held_out == held_out]
    fonts = [(i, icon_names(kits_folder, i)) for i in ICONS if i.held_out == held_out]
    path = kits_folder / f"page-{rng.integers(1 << 40)}.html"
    with chromium() as browser:
        try:
            while True:
                least, most, highest = (1600, 3840, 4000) if large else (150, 1600, 1400)
                width = int(np.exp(rng.uniform(np.log(least), np.log(most))))
                height = int(np.clip(width * rng.uniform(0.4, 1.6), 120, highest))
                scale = 1.0 if large else float(rng.choice([1, 1, 1, 1.25, 1.5, 2, 2.5]))
                screens = max(1, width * height // SCREEN) if large else 1
                context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
                tab = context.new_page()
                for _ in range(4):  # a new context costs more than a page
                    kit = kits[int(rng.integers(len(kits)))] if rng.random() < 0.7 else kits[0]
                    icons, names = fonts[int(rng.integers(len(fonts)))]
                    links = [style_sheet(kits_folder, kit.package, css) for css in kit.css.split()]
                    links.append(style_sheet(kits_folder, icons.package, icons.css))
                    page = shoot(tab, Author(rng, kit, icons, names, screens), links, path)
                    if page is not None:
                        yield page
                context.close()
        finally:
            path.unlink(missing_ok=True)


def worn(page: Page, rng: Rng) -> Page:
    """What happens to screenshots: scaling, JPEG, now and then a photo of the screen."""
    if rng.random() < 0.15:
        return degrade(page, rng)
    if rng.random() < 0.35:
        factor = float(rng.uniform(0.6, 1.4))
        h, w = page.image.shape[:2]
        size = max(32, round(w * factor)), max(32, round(h * factor))
        image = cv2.resize(page.image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        boxes = page.boxes * np.array([size[0] / w, size[1] / h] * 2, np.float32)
        states = page.states.copy()
        states[np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < LEAST] = IGNORE
        page = Page(np.asarray(image, np.uint8), boxes, states)
    if rng.random() < 0.5:
        data = cv2.imencode(".jpg", page.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])[1]
        page = Page(
            np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]),
            page.boxes,
            page.states,
        )
    return page


def ready(kits_folder: Path) -> bool:
    """Whether the browser, the package and the kits are there."""
    packages = {k.package for k in KITS if k.package} | {i.package for i in ICONS}
    return drivable() and all(unpacked(kits_folder, p).exists() for p in packages)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write labelled screenshots of HTML pages.")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "work" / "pages" / "browser")
    parser.add_argument("--kits", type=Path, default=HERE / "work" / "kits")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="the evaluation's kits, pages at their own size")
    args = parser.parse_args()
    if shutil.which("npm"):
        fetch(args.kits)
    if not ready(args.kits):
        raise SystemExit(MISSING)
    write(args.out, args.kits, args.count, args.seed, args.held_out)


def write(out: Path, kits_folder: Path, count: int, seed: int, held_out: bool, large: bool = False) -> None:
    """Write `count` pages; training pages at the scale training reads, held-out ones at their own."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, held_out])
    # Closed at once: a browser left to the interpreter's end can hang there.
    with closing(pages(rng, kits_folder, held_out, large)) as source:
        for i in range(count):
            page = worn(next(source), rng)
            if held_out:
                page = Page(to_grey(page.image), page.boxes, page.states)
            else:
                page = to_scale(page, float(rng.uniform(*STORED)))
            save(page, out, f"{seed:04d}_{i:06d}")


if __name__ == "__main__":
    main()
