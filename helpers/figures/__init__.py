"""Figures, one function a kind: arrays in, Axes out.

What one paper alone draws lies in its own folder (papers/X/figures), which hands on
what it needs of these: a chapter asks its paper's.

A band or a bar is the 95 % t interval over four networks or more, unless the note says
another share, and ends where the quantity does; fewer networks are a thin line each
beside their mean. n stands in the figure. One colour has one meaning in all chapters:
the scale sigma runs from blue to yellow, test is blue, training orange, theory black,
chance a dashed grey line; the constant map is rose, the identity a blue of its own,
depth runs from light to dark green, the best epoch is brown and the final one violet;
each loss, each architecture and each set of examples has its own. A network without a
finite value is never left out unseen: it is a cross, or the note counts it.
"""

from helpers.figures.beside import paper_range
from helpers.figures.depths import by_depth, by_layer
from helpers.figures.forests import estimates_of
from helpers.figures.panels import axes, key_beside
from helpers.figures.style import CHANCE, STYLE, THEORY, use_style
