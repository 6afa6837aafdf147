"""Pictures of an executed chapter, made smaller without a visible difference."""

import base64
import io

from nbformat import NotebookNode
from PIL import Image

PNG = "image/png"
COLORS = 64


def shrink_pictures(notebook: NotebookNode) -> None:
    """Give every PNG output a palette of 64 colours, in place, where that is smaller.

    Greys and the edges of lines lose shades that nobody tells apart. Pages
    load twice as fast, and a chapter of many pictures stays within the gate.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if PNG in output.get("data", {}):
                output["data"][PNG] = _smaller(output["data"][PNG])


def _smaller(encoded: str) -> str:
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
        picture.load()
    except (OSError, ValueError, SyntaxError):
        return encoded  # no picture, as the gate will say
    opaque = picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    if picture.mode == "P" or not opaque:
        return encoded  # done before, or to be seen through
    content, method = io.BytesIO(), Image.Quantize.MEDIANCUT
    palette = picture.convert("RGB").quantize(COLORS, method, dither=Image.Dither.NONE)
    palette.save(content, "png", optimize=True, dpi=picture.info.get("dpi"))
    small = base64.b64encode(content.getvalue()).decode()
    return small if len(small) < len(encoded) else encoded
