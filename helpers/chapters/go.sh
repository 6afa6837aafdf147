#!/usr/bin/env bash
# go.sh SECONDS OUT [WORDS...]: spends SECONDS of this machine's GPU on what the pack
# serves; whatever is finished lies in OUT, with a log, at any moment.
#
# WORDS go to `python -m helpers train`: chapters, or -p NAME VALUE, or --cpu. PYTHON,
# SCALE and VARIANTS (one or more, of one budget) may be set.
set -uo pipefail

fail() { echo "go.sh: $*" >&2; exit 2; }
clock() { cut -d. -f1 /proc/uptime 2>/dev/null || echo "$SECONDS"; } # no jumps on Linux
began=$(clock)

[ $# -ge 2 ] || fail "give seconds and a folder: go.sh SECONDS OUT [CHAPTER]..."
case $1 in '' | *[!0-9]*) fail "SECONDS is '$1': give a whole number" ;; esac
seconds=$1 out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
mkdir -p "$out" || fail "OUT cannot be made: $out"
out=$(cd "$out" && pwd) || exit 2
[ $# -gt 0 ] || set -- @CHAPTERS@
[ $# -gt 0 ] || fail "the data of no chapter are in this pack: name chapters yourself"
python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python was not found: set PYTHON"

"$python" - <<'CHECK' || exit 2
import importlib.metadata as there
import sys

python = sys.version_info[:2]
if not (3, 11) <= python <= (3, 14):
    sys.exit("go.sh: Python %d.%d: 3.11 to 3.14 can run the book; set PYTHON" % python)
try:
    version = there.version("torch")
except there.PackageNotFoundError:
    sys.exit("go.sh: this Python has no torch: set PYTHON to one that has 2.11 to 2.14")
if not (2, 11) <= tuple(map(int, version.split(".")[:2])) <= (2, 14):
    sys.exit("go.sh: torch %s: 2.11 to 2.14 can run the book; set PYTHON" % version)
CHECK

# Nothing that a run writes on its way has to outlive the machine.
[ -d /dev/shm ] && [ -w /dev/shm ] && fast=/dev/shm || fast=$out
export MEMORIZATION_RESULTS=${MEMORIZATION_RESULTS:-$fast/memorization-$(id -u)/results}
export MEMORIZATION_DATA=${MEMORIZATION_DATA:-$here/data}
export PYTHONUNBUFFERED=1 PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH}

if ls "$here"/wheels/*.whl >/dev/null 2>&1; then
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --upgrade \
    --target "$fast/memorization-$(id -u)/site" "$here"/wheels/*.whl ||
    echo "go.sh: the wheels could not be installed: going on without" >&2
  export PYTHONPATH=$PYTHONPATH:$fast/memorization-$(id -u)/site
fi

"$python" - "$here/data" <<'EXPAND' || exit 2
import bz2
import os
import sys
from pathlib import Path

for packed in sorted(Path(sys.argv[1]).rglob("*.bz2")):
    whole = packed.with_suffix("")
    if not whole.exists():
        try:
            beside = whole.with_name(whole.name + ".partial")
            beside.write_bytes(bz2.decompress(packed.read_bytes()))
            os.replace(beside, whole)
        except (OSError, ValueError, EOFError) as error:
            sys.exit("go.sh: %s cannot be unpacked: %s" % (packed, error))
EXPAND

cd "$here" || exit 2
left=$((seconds - $(clock) + began))
[ "$left" -gt 0 ] || fail "nothing is left of $seconds s: give more"
chosen=()
for variant in ${VARIANTS:-same_shape}; do chosen+=(--variant "$variant"); done
"$python" -m helpers train --scale "${SCALE:-paper}" "${chosen[@]}" \
  --seconds "$left" --export "$out" "$@" 2>&1 | tee -a "$out/log"
