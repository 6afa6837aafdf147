"""Parameters of a chapter: declared in its notebook, checked wherever they are set.

One code for the command line, for plain papermill and for plain Jupyter, so that each
refuses the same values in the same line. Nothing slow is imported here: the cell that
checks is the second one of every chapter.
"""

from helpers.chapters.parameters.checks import check_parameters
from helpers.chapters.parameters.declared import Parameter, check_defaults, declare
from helpers.chapters.parameters.notebook import check_notebook
from helpers.chapters.parameters.spellings import convert
