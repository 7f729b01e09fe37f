"""Decoding of long base64 texts in pieces, between which other threads run.

The standard library holds the interpreter's lock until a text is decoded, half a second for 250 MB.
"""

import binascii
import io

PIECE = 2**20  # characters that are decoded at once


def decode(text: str, *, blanks: bool = False) -> bytes:
    """Decode base64; call it in a thread if it may be long. Raises ValueError for anything else.

    Parameters
    ----------
    blanks : whether line breaks and other blank characters are ignored.
    """
    out = io.BytesIO()  # whose value is not copied
    rest, ended = "", False
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        if blanks:
            piece = "".join(piece.split())
        if not piece:
            continue
        if ended:
            raise ValueError("there are characters after the padding")
        piece = rest + piece
        whole = len(piece) // 4 * 4
        out.write(binascii.a2b_base64(piece[:whole].encode("ascii"), strict_mode=True))
        rest, ended = piece[whole:], piece[:whole].endswith("=")
    if rest:
        raise ValueError("the padding is missing" if not ended else "there are characters after the padding")
    return out.getvalue()
