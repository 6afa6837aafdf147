"""What a run is, and what is kept of it."""

from helpers.runs.identity import IdentityRun
from helpers.runs.run import Run, fingerprint
from helpers.runs.study import Study
