"""What images and counts have to be, said in one line."""

from torch import Tensor

from helpers.errors import Mistake
from helpers.system.values import is_whole


def check_image(image: Tensor, name: str) -> None:
    """Refuse an image that is constant, for a correlation with it says nothing.

    image: of any shape. name: what the message calls it ("image 3 of digits").
    """
    if not image.isfinite().all():
        raise Mistake(f"{name} holds values that are not finite: choose another image")
    if image.min() == image.max():
        raise Mistake(
            f"{name} is {image.min().item():g} everywhere, so that no correlation with "
            "it is defined: choose an image with two grey values or more"
        )


def check_count(meaning: str, count: int, *, most: int | None = None) -> None:
    """Refuse what is no whole number from 1 to `most` (no limit where None)."""
    if is_whole(count) and count >= 1 and (most is None or count <= most):
        return
    allowed = "of 1 or more" if most is None else f"from 1 to {most}"
    raise Mistake(f"{meaning} is {count!r}: choose a whole number {allowed}")
