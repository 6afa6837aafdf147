#!/usr/bin/env bash
# The smoke edition of three chapters through a SLURM of its own on this machine: a job is
# cancelled, a node drained and resumed, Snakemake killed with -9 and started again, and
# the verdicts compared with a local run; then the first of them with networks on disks of
# the nodes. Twelve minutes at most; it ends all it started.
#
#     workflow/test_slurm.sh [CHAPTER]...
#     KILLS=20 workflow/test_slurm.sh    # nothing but so many kills, of at most an hour
#
# Needs root, for SLURM starts jobs as others, and apt where SLURM is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
LIMIT=720 # seconds
[ -z "${KILLS-}" ] || LIMIT=3600
if [ "$(id -u)" != 0 ] || ! { command -v slurmctld || command -v apt-get; } >/dev/null; then
  echo "skipped: SLURM is tested where there are root and apt"
  exit 0
fi
if [ -e /etc/slurm/slurm.conf ]; then
  echo "skipped: this machine has a SLURM already (/etc/slurm/slurm.conf)"
  exit 0
fi
[ -n "${WITHIN_LIMIT-}" ] || exec env WITHIN_LIMIT=1 timeout -k 30 "$LIMIT" "$0" "$@"

CHAPTERS=${*:-double_descent alignment_comparison rewinding} # the three quickest of seven
PY=$PWD/.venv/bin/python
HERE=$(mktemp -d /tmp/slurm-test-XXXXXX)
chmod 755 "$HERE" # munge trusts no folder that others may write to
CONF=/etc/slurm # the one place of which steps of a job know
export MEMORIZATION_ARCHIVES=none
STARTED=() SNAKEMAKE=

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

leftover() { # processes that know our folder by their environment or an open file
  local proc
  for proc in /proc/[0-9]*; do
    if grep -qs "$HERE/" "$proc/environ" || ls -l "$proc/fd" 2>/dev/null | grep -q "$HERE/"; then
      echo "${proc#/proc/}"
    fi
  done
}

finish() { # whatever happened: end jobs, then those who would start more
  status=$?
  trap '' EXIT INT TERM
  [ -z "$SNAKEMAKE" ] || kill -9 "$SNAKEMAKE" 2>/dev/null || true
  if [ -f "$HERE/ready" ]; then
    timeout 10 scancel --user=root 2>/dev/null || true
    for _ in $(seq 20); do
      [ -n "$(timeout 5 squeue -h 2>/dev/null)" ] || break
      sleep 1
    done
  fi
  for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done
  sleep 1
  for pid in "${STARTED[@]}" $(leftover); do kill -9 "$pid" 2>/dev/null || true; done
  [ "$status" = 0 ] || tail -n 15 "$HERE"/*.log 2>/dev/null || true
  rm -rf "$HERE" "$CONF/slurm.conf" "$CONF/gres.conf"
  say "ended with exit status $status"
  exit "$status"
}
trap finish EXIT
trap 'exit 143' INT TERM

await() { # await SECONDS WHAT COMMAND...: until the command succeeds
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || { say "in vain: $what"; exit 75; }
    sleep 0.5
  done
  say "$what"
}

daemon() { # daemon NAME COMMAND...: in the foreground of a process that is ours
  local name=$1
  shift
  "$@" >"$HERE/$name.log" 2>&1 &
  STARTED+=($!)
}

install_slurm() {
  command -v slurmctld >/dev/null && command -v munged >/dev/null && return
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --no-install-recommends munge slurmctld slurmd slurm-client >/dev/null
}

start_slurm() {
  local port=$((20000 + RANDOM % 20000)) host
  host=$(hostname -s)
  dd if=/dev/urandom of="$HERE/munge.key" bs=128 count=1 status=none
  chmod 400 "$HERE/munge.key"
  mkdir -p "$CONF"
  for k in 1 2; do # null devices stand in for GPUs
    mknod "$HERE/gpu$k" c 1 3
    mkdir "$HERE/n$k"
    echo "NodeName=n$k Name=gpu File=$HERE/gpu$k"
  done >"$CONF/gres.conf"
  mkdir "$HERE/state"
  cat >"$CONF/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$HERE/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
KillWait=15
StateSaveLocation=$HERE/state
SlurmdSpoolDir=$HERE/%n
SlurmctldPidFile=$HERE/slurmctld.pid
SlurmdPidFile=$HERE/%n.pid
MpiDefault=none
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=8000 Gres=gpu:1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=8000 Gres=gpu:1
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
END
  daemon munged munged --foreground --force --key-file="$HERE/munge.key" \
    --socket="$HERE/munge.socket" --pid-file="$HERE/munge.pid" \
    --log-file="$HERE/munge.log" --seed-file="$HERE/munge.seed"
  await 20 "munge answers" munge --no-input --socket="$HERE/munge.socket"
  daemon slurmctld slurmctld -D -c
  for k in 1 2; do daemon "slurmd$k" slurmd -D -N "n$k"; done
  touch "$HERE/ready"
  await 60 "two nodes are idle" idle
}

idle() { [ "$(sinfo -h -N -t idle -o %N | wc -l)" = 2 ]; }

SNAKE=(.venv-cluster/bin/snakemake --snakefile workflow/Snakefile
  --profile workflow/profiles/slurm --slurm-init-seconds-before-status-checks 3
  --seconds-between-status-checks 3 --slurm-logdir "$HERE/logs" --latency-wait 10
  --config scale=smoke job_seconds=1 site=false "chapters=$CHAPTERS")

snake() { # [SETTING]...: in the background, its process in SNAKEMAKE
  "${SNAKE[@]}" "$@" >>"$HERE/snakemake.log" 2>&1 &
  SNAKEMAKE=$!
}

verdicts() { "$PY" -m helpers check --scale smoke --json || true; } # others are absent
drop() { for chapter in $CHAPTERS; do rm -f "book/chapters/smoke/$chapter.ipynb"; done; }
trains() { grep -l '"state": "trained"\|"state": "training"' "$DIARY"/train-*; }
running() { squeue -h -t running -o %A | grep -q .; }
empty() { [ -z "$(squeue -h -w "$1" -t running,completing)" ]; }
on_node() { squeue -h -w "$1" -t running | grep -q .; }
pieces() { ls "$MEMORIZATION_RESULTS"/cluster/smoke/train/*.zip; }

make --silent cluster
install_slurm
if [ -n "${KILLS-}" ]; then
  export MEMORIZATION_RESULTS=$HERE/results
  start_slurm
  "$PY" workflow/kills.py "$KILLS" 0 "${SNAKE[@]}" --retries 9
  exit
fi
say "local run: $CHAPTERS"
export MEMORIZATION_RESULTS=$HERE/local
# shellcheck disable=SC2086 # chapters are words
"$PY" -m helpers run $CHAPTERS --scale smoke --force >"$HERE/local.log" 2>&1
verdicts >"$HERE/local.json"
drop

export MEMORIZATION_RESULTS=$HERE/results
DIARY=$MEMORIZATION_RESULTS/cluster/smoke/diary
start_slurm
[ "$(srun --gpus=1 -w n2 printenv CUDA_VISIBLE_DEVICES)" = 0 ] || { say "no GPU"; exit 1; }
say "a job that asks for a GPU has one"

snake
await 120 "a job trains" trains
victim=$(squeue -h -t running -o %A | head -n 1)
scancel "$victim"
say "cancelled job $victim"
scontrol update nodename=n1 state=drain reason=test
await 120 "n1 is drained" empty n1
await 120 "n2 has work" on_node n2
empty n1 || { say "n1 has work though drained"; exit 1; }
scontrol update nodename=n1 state=resume
await 120 "n1 has work again" on_node n1
await 240 "a first archive is there" pieces
kill -9 "$SNAKEMAKE"
wait "$SNAKEMAKE" 2>/dev/null || true
say "killed Snakemake; $(squeue -h -t running | wc -l) of its jobs go on"
"$PY" -m helpers status --scale smoke
snake
wait "$SNAKEMAKE" || { say "Snakemake failed"; exit 1; }
SNAKEMAKE=
"$PY" -m helpers status --scale smoke
say "submissions: $(grep -c 'ubmitted array job\|been submitted' "$HERE/snakemake.log" || true)"
verdicts >"$HERE/slurm.json"
# shellcheck disable=SC2086
"$PY" workflow/compare.py "$HERE/local.json" "$HERE/slurm.json" $CHAPTERS

FIRST=${CHAPTERS%% *}
say "$FIRST again, its networks on disks of the nodes"
rm "book/chapters/smoke/$FIRST.ipynb"
export MEMORIZATION_RESULTS=$HERE/carried
unset MEMORIZATION_ARCHIVES # jobs bring archives home, which are to count
SNAKE[-1]="chapters=$FIRST"
SNAKE=("${SNAKE[@]/job_seconds=1/job_seconds=600}") # a job of all, which can be asked
snake "scratch=$HERE/disk"
wait "$SNAKEMAKE" || { say "Snakemake failed"; exit 1; }
SNAKEMAKE=
[ -d "$HERE/disk" ] || { say "nothing lay on the disk"; exit 1; }
kept=$(find "$MEMORIZATION_RESULTS" -path '*/snapshots/*' | wc -l)
[ "$kept" = 0 ] || { say "$kept files of weights came home"; exit 1; }
verdicts >"$HERE/carried.json"
"$PY" workflow/compare.py "$HERE/local.json" "$HERE/carried.json" "$FIRST"
