"""The typefaces installed on this machine, and words to set in them.

Faces come from fontconfig (``fc-list``), or from Pillow's built-in face where there is none.  A face is only
asked for characters it has: a missing glyph is drawn as a small square, which is just what the network looks
for. ``fonts.txt`` lists the Debian packages that the published weights were trained with; any set of fonts
works.
"""

from __future__ import annotations

import shutil
import subprocess
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rng = np.random.Generator
Font = ImageFont.FreeTypeFont

# Letters to make words of, as inclusive ranges of code points.  Latin is made of syllables instead.
SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "greek": ((0x3B1, 0x3C9),),
    "cyrillic": ((0x430, 0x44F),),
    "hebrew": ((0x5D0, 0x5EA),),
    "arabic": ((0x627, 0x63A), (0x641, 0x64A)),
    "devanagari": ((0x905, 0x90A), (0x915, 0x928), (0x92A, 0x930)),
    "bengali": ((0x995, 0x9A8),),
    "tamil": ((0xB95, 0xB95), (0xBA4, 0xBA4), (0xBAE, 0xBB0)),
    "telugu": ((0xC15, 0xC28),),
    "thai": ((0xE01, 0xE2E),),
    "georgian": ((0x10D0, 0x10F0),),
    "armenian": ((0x561, 0x586),),
    "kana": ((0x3042, 0x3093), (0x30A2, 0x30F3)),
    "han": ((0x4E00, 0x56FF), (0x5B50, 0x5F71), (0x65E5, 0x6D41), (0x7530, 0x7D30)),
    "hangul": ((0xAC00, 0xD7A3),),
}
# Signs that follow a letter; alone they would be set on a dotted circle.
SIGNS: dict[str, tuple[int, int]] = {
    "devanagari": (0x93E, 0x943), "bengali": (0x9BE, 0x9C3), "tamil": (0xBBE, 0xBC2), "telugu": (0xC3E, 0xC43), "thai": (0xE30, 0xE39),
}  # fmt: skip
SHAPED = ("hebrew", "arabic", "devanagari", "bengali", "tamil", "telugu", "thai")

LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;()-/?%"

SYMBOLIC = (
    "symbol", "emoji", "awesome", "icon", "typicons", "elusive", "bravura", "musescore", "emmentaler", "feta", "parmesan",
    "lilypond", "jsmath", "cmex", "cmsy", "cmmi", "mathjax", "dingbats", "weather", "stmary", "msam", "msbm", "rsfs", "wasy",
    "esint", "topaz", "barcode", "ancient", "anatolian", "cuneiform", "hieroglyph", "aegean", "gothicnum", "keyrus", "signwriting", "lastresort", "adobe blank", "tagmukay", "musical", "cypriot", "cypro",
)  # fmt: skip
HANDWRITTEN = (
    "script", "hand", "kaushan", "pecita", "rufscript", "isabella", "journal", "humor", "ecolier", "femke", "breip", "chancery",
    "dancing", "domestic", "sniglet",
)  # fmt: skip

COMMON = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "all",
    "her",
    "she",
    "there",
    "would",
    "their",
    "we",
    "him",
    "been",
    "has",
    "when",
    "who",
    "will",
    "no",
    "more",
    "if",
    "out",
    "so",
    "up",
    "said",
    "what",
    "its",
    "about",
    "than",
    "into",
    "them",
    "can",
    "only",
    "other",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "first",
    "then",
    "do",
    "any",
    "like",
    "my",
    "now",
    "over",
    "such",
    "our",
    "man",
    "me",
    "even",
    "most",
    "made",
    "after",
    "also",
    "did",
    "many",
    "before",
    "must",
    "through",
    "back",
    "years",
    "where",
    "much",
    "your",
    "way",
    "well",
    "down",
    "should",
    "because",
    "each",
    "just",
    "those",
    "people",
    "mr",
    "how",
    "too",
    "little",
    "state",
    "good",
    "very",
    "make",
    "world",
    "still",
    "own",
    "see",
    "men",
    "work",
    "long",
    "get",
    "here",
    "between",
    "both",
    "life",
    "being",
    "under",
    "never",
    "day",
    "same",
    "another",
    "know",
    "while",
    "last",
    "might",
    "us",
    "great",
    "old",
    "year",
    "off",
    "come",
    "since",
    "against",
    "go",
    "came",
    "right",
    "used",
    "take",
    "three",
    "name",
    "date",
    "address",
    "phone",
    "signature",
    "number",
    "please",
    "check",
    "applicant",
    "employer",
    "spouse",
    "child",
    "income",
    "tax",
    "total",
    "amount",
    "form",
    "section",
    "yes",
    "no",
    "other",
    "none",
    "single",
    "married",
    "male",
    "female",
    "street",
    "city",
    "zip",
    "code",
    "country",
    "birth",
    "place",
    "social",
    "security",
    "benefit",
    "insurance",
    "policy",
    "claim",
    "account",
    "bank",
    "payment",
    "medical",
    "history",
    "allergies",
    "diabetes",
    "heart",
    "smoke",
    "weekly",
    "daily",
    "monthly",
    "rarely",
    "agree",
    "disagree",
    "neutral",
    "strongly",
    "satisfied",
    "court",
    "petitioner",
    "respondent",
    "case",
    "order",
    "attorney",
    "plaintiff",
    "defendant",
    "hearing",
    "request",
    "application",
    "permit",
]


@dataclass(frozen=True)
class Face:
    """One font file's face: path ("" for Pillow's own), index in the file, family and style, ranges of code points."""

    path: str
    index: int
    family: str
    style: str
    charset: str

    @cached_property
    def ranges(self) -> tuple[list[int], list[int]]:
        """First and last code points of the ranges that have glyphs, ascending."""
        starts, ends = [], []
        for part in self.charset.split():
            a, _, b = part.partition("-")
            starts.append(int(a, 16))
            ends.append(int(b or a, 16))
        return starts, ends

    def has(self, text: str) -> bool:
        """Whether every character has a glyph."""
        starts, ends = self.ranges
        for c in map(ord, text):
            i = bisect_right(starts, c) - 1
            if i < 0 or ends[i] < c:
                return False
        return True

    def font(self, size: int, shaped: bool = False) -> Font:
        """The face at ``size`` pixels; ``shaped`` asks for the slower engine that joins Arabic and stacks Devanagari."""
        return _font(self.path, self.index, max(5, size), shaped)


@lru_cache(maxsize=512)
def _font(path: str, index: int, size: int, shaped: bool) -> Font:
    if not path:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("Pillow was built without FreeType")
        return font
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(path, size, index=index, layout_engine=engine)


def _installed() -> list[Face]:
    if shutil.which("fc-list") is None:
        return []
    form = "%{file}\t%{index}\t%{family[0]}\t%{style[0]}\t%{variable}\t%{charset}\n"
    # Without outlines are pictures of one size, as Noto Color Emoji's, which can't be set at another.
    command = ["fc-list", "--format", form, ":outline=true"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    faces = []
    for line in sorted(listing.splitlines()):
        path, index, family, style, variable, charset = line.split("\t")
        # Named instances of variable fonts have the instance in the upper half of the index.
        if path.lower().endswith((".ttf", ".otf", ".ttc")) and int(index) < 0x10000 and variable != "True":
            faces.append(Face(path, int(index), family, style, charset))
    return faces


class FontBook:
    """All faces, sorted into text faces per script, handwriting and symbols.

    An even and an odd half (by family, ``half`` 0 or 1) make it possible to keep faces for validation only.
    """

    def __init__(self, half: int | None = None) -> None:
        faces = _installed()
        if half is not None:
            faces = [f for f in faces if sum(map(ord, f.family)) % 4 == 3] if half else [
                f for f in faces if sum(map(ord, f.family)) % 4 != 3
            ]  # fmt: skip
        if not faces:
            faces = [Face("", 0, "Pillow", "Regular", "20-7e a1-ff")]
        self.symbols: list[Face] = []
        self.hands: list[Face] = []
        self.text: dict[str, list[list[Face]]] = {}
        by_script: dict[str, dict[str, list[Face]]] = {}
        for face in faces:
            name = face.family.lower()
            if any(s in name for s in SYMBOLIC):
                self.symbols.append(face)
                continue
            if face.has("\u2610\u2611\u2612"):
                self.symbols.append(face)
            latin = face.has(LATIN)
            if any(s in name for s in HANDWRITTEN):
                if latin:
                    self.hands.append(face)
                continue
            if latin:
                by_script.setdefault("latin", {}).setdefault(face.family, []).append(face)
            for script, ranges in SCRIPTS.items():
                if face.has("".join(chr(c) for r in ranges for c in (r[0], (r[0] + r[1]) // 2, r[1]))):
                    by_script.setdefault(script, {}).setdefault(face.family, []).append(face)
        # A list of families, each a list of faces: a family of 60 weights shall not be drawn 60 times as
        # often.
        self.text = {script: list(families.values()) for script, families in by_script.items()}
        if "latin" not in self.text:
            self.text["latin"] = [[Face("", 0, "Pillow", "Regular", "20-7e a1-ff")]]

    def pick(self, rng: Rng, script: str = "latin") -> Face:
        """A text face for ``script``, plain styles more often than bold or italic; Latin where the script has none."""
        families = self.text.get(script) or self.text["latin"]
        family = families[int(rng.integers(len(families)))]
        plain = [
            f
            for f in family
            if f.style.split(",")[0].lower() in ("regular", "book", "roman", "medium", "normal", "text")
        ]
        if plain and rng.random() < 0.75:
            family = plain
        return family[int(rng.integers(len(family)))]

    def bold_of(self, face: Face, rng: Rng) -> Face:
        """A heavier face of the same family, or the face itself."""
        for families in self.text.values():
            for family in families:
                if family[0].family == face.family:
                    bold = [f for f in family if "bold" in f.style.lower() and "italic" not in f.style.lower()]
                    return bold[int(rng.integers(len(bold)))] if bold else face
        return face


@lru_cache(maxsize=2)
def book(half: int | None = None) -> FontBook:
    """The font book, read once per process."""
    return FontBook(half)


_ONSETS = (
    [
        "b",
        "c",
        "d",
        "f",
        "g",
        "h",
        "j",
        "k",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "w",
        "br",
        "ch",
        "cl",
        "cr",
        "dr",
        "fl",
        "fr",
        "gl",
        "gr",
        "pl",
        "pr",
        "sh",
        "sl",
        "sp",
        "st",
        "str",
        "th",
        "tr",
        "sch",
        "qu",
        "z",
        "kn",
    ]
) + [""] * 6
_VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "e", "ai", "ea", "ee", "ie", "ou", "oo", "au", "ei", "y"]
_CODAS = (
    ["n", "r", "s", "t", "l", "d", "m", "ck", "ng", "nt", "st", "rd", "ll", "ss", "ch", "rt", "nd", "x", "ff", "z", "p"]
) + [""] * 12
_ACCENTS = ["ä", "ö", "ü", "é", "è", "ê", "à", "ç", "ñ", "ó", "í", "ß", "å", "ø", "ł", "č", "š", "ž", "ő", "ã"]


class Words:
    """Words of one script that a face has the glyphs for."""

    def __init__(self, rng: Rng, face: Face, script: str) -> None:
        self.rng, self.face = rng, face
        self.script = script if script in SCRIPTS and face.has(chr(SCRIPTS[script][0][0])) else "latin"
        self.accents = [a for a in _ACCENTS if face.has(a)] if rng.random() < 0.35 else []
        self.common = rng.random() < 0.6
        if self.script != "latin":
            letters = [chr(c) for a, b in SCRIPTS[self.script] for c in range(a, b + 1)]
            letters = [c for c in letters if face.has(c)]
            self.letters = np.array(letters)
            lo, hi = SIGNS.get(self.script, (1, 0))
            self.signs = [chr(c) for c in range(lo, hi + 1) if face.has(chr(c))]

    def word(self) -> str:
        """One word without punctuation."""
        rng = self.rng
        if self.script in ("han", "kana"):
            return "".join(rng.choice(self.letters, int(rng.integers(1, 6))))
        if self.script == "hangul":
            return "".join(rng.choice(self.letters, int(rng.integers(1, 5))))
        if self.script != "latin":
            letters = rng.choice(self.letters, int(rng.integers(2, 8)))
            if not self.signs:
                return "".join(letters)
            return "".join(
                c + (self.signs[int(rng.integers(len(self.signs)))] if rng.random() < 0.5 else "") for c in letters
            )
        if self.common and rng.random() < 0.75:
            return COMMON[int(rng.integers(len(COMMON)))]
        out = ""
        for _ in range(1 + int(rng.integers(3))):
            vowel = _VOWELS[int(rng.integers(len(_VOWELS)))]
            if self.accents and rng.random() < 0.15:
                vowel = self.accents[int(rng.integers(len(self.accents)))]
            out += _ONSETS[int(rng.integers(len(_ONSETS)))] + vowel + _CODAS[int(rng.integers(len(_CODAS)))]
        return out

    def phrase(self, count: int, capital: bool = True) -> str:
        """``count`` words with some digits and punctuation."""
        rng = self.rng
        words = []
        for _ in range(max(1, count)):
            r = rng.random()
            if r < 0.04:
                w = str(int(rng.integers(0, 10 ** int(rng.integers(1, 6)))))
            elif r < 0.06:
                w = f"({self.word()})"
            elif r < 0.07:
                w = self.word().upper()
            else:
                w = self.word()
            if r > 0.92:
                w += "," if r > 0.95 else ";" if r > 0.94 else ":"
            words.append(w)
        glue = "" if self.script in ("han", "kana", "thai") else " "
        text = glue.join(words)
        text = text[:1].upper() + text[1:] if capital else text
        return (
            text if self.face.has(text.replace(" ", "")) else "".join(c for c in text if c == " " or self.face.has(c))
        )


@lru_cache(maxsize=8192)
def text_length(text: str, font: Font) -> float:
    """The pen's advance over ``text`` in pixels."""
    return float(font.getlength(text))


def fitted(text: str, font: Font, room: float) -> str:
    """As many of the text's words as fit into ``room`` pixels, roughly; a part of the first where not even that one does."""
    length = text_length(text, font)
    if length <= room or not text:
        return text
    keep = max(1, int(len(text) * room / length) - 1)
    cut = text[:keep]
    return cut.rsplit(" ", 1)[0] if " " in cut else cut


def ink_of(text: str, font: Font) -> tuple[NDArray[np.uint8], int, int]:
    """Coverage uint8 ``[h, w]`` of ``text``, and the column and row in it of the pen's position on the baseline."""
    ascent, descent = font.getmetrics()
    left = 2 + ascent // 3  # room for what leans or curls out
    patch = Image.new("L", (int(text_length(text, font)) + 2 * left, ascent + descent + 4))
    ImageDraw.Draw(patch).text((left, ascent + 2), text, 255, font, anchor="ls")
    return np.asarray(patch), left, ascent + 2


@lru_cache(maxsize=8192)
def ink_bounds(text: str, font: Font) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ink of ``text`` from the pen's position on the baseline.

    A font's own bounding box holds the baseline and the whole advance: a dash would be centred far too high by it.
    """
    patch, left, base = ink_of(text, font)
    rows, columns = np.nonzero(patch.any(1))[0], np.nonzero(patch.any(0))[0]
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]) - left, int(rows[0]) - base, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - base
