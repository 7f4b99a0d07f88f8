"""Lets schemathesis send real pictures where the description asks for one (SCHEMATHESIS_HOOKS names this file)."""

import base64
import io
from pathlib import Path

import schemathesis
from hypothesis import strategies
from PIL import Image

FORM = Path(__file__).resolve().parents[3] / "web" / "tests" / "fixtures" / "form.png"


def small(kind: str, side: int) -> bytes:
    out = io.BytesIO()
    Image.open(FORM).convert("RGB").resize((side, side)).save(out, kind)
    return out.getvalue()


FILES = [small("PNG", 64), small("JPEG", 200), small("TIFF", 40), small("GIF", 90)]
files = strategies.sampled_from(FILES)
encoded = strategies.builds(
    lambda data, prefix: prefix + base64.b64encode(data).decode(),
    files,
    strategies.sampled_from(["", "data:image/png;base64,", "data:;base64,"]),
)
schemathesis.openapi.format("base64-picture", encoded)
schemathesis.openapi.format("binary", files)
schemathesis.openapi.media_type("image/*", files, aliases=["image/png", "image/jpeg"])
