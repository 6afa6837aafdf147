"""What a page says about the copy it shows: its facts, and how it has aged."""

from helpers.chapters.ageing import Changes
from helpers.chapters.pages.beside import spoken

CHANGED = (
    "The chapter has changed since this edition was executed. Its text, code and "
    "results stand here as they were then."
)
SAME_SHAPE = (
    "The papers' networks on data of the same shape: widths, optimiser and batch size "
    "are the papers', the images are not. Compare directions, not values."
)


def provenance(metadata: dict) -> list[str]:
    """What `memorization` metadata say about a copy, in the words of a reader."""
    facts = []
    if dataset := metadata.get("parameters", {}).get("dataset"):
        facts.append(f"data: {spoken(dataset)}")
    if networks := metadata.get("networks", {}).get("count"):
        plural = "s" if networks > 1 else ""
        facts.append(f"{networks} network{plural} {trained_on(metadata['networks'])}")
    if device := metadata.get("device"):
        facts.append("CPU" if str(device) == "cpu" else str(device))
    if seconds := metadata.get("seconds"):
        facts.append(duration(float(seconds)))
    if finished := metadata.get("finished"):
        facts.append(str(finished)[:10])
    if commit := metadata.get("commit"):
        changed = " and later changes" if str(commit).endswith("+") else ""
        facts.append(f"commit {str(commit)[:7]}{changed}")
    return facts


def trained_on(networks: dict) -> str:
    """On how many machines an edition's networks were trained, with what, and when."""
    count, days = networks["machines"], dict.fromkeys(networks["days"])
    machines = f"{count} machine{'s' if count > 1 else ''}"
    words = f"trained on {machines} ({', '.join(networks['devices'])})"
    return ", ".join(filter(None, [words, " to ".join(days)]))


def duration(seconds: float) -> str:
    """Seconds in a unit a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def lacking(metadata: dict) -> list[str]:
    """Sentences about networks that a copy was executed without; none if without none.

    A budget that ended is named as the reason; whatever it was, they are no evidence.
    """
    if not (found := metadata.get("lacking")):
        return []
    missing, stopped = found["planned"] - found["finished"], found["stopped"]
    why = "Stopped by the budget" if stopped else "Not finished"
    counts = f"{why}: {found['finished']} of {found['planned']} networks are finished"
    if 0 < stopped < missing:
        counts += f", and {stopped} of the others were left by a budget"
    sentences = [f"{counts}.", f"Missing: {'; '.join(found['lacks'])}."]
    if found["begun"]:
        sentences.append(f"Under way when it ended: {'; '.join(found['begun'])}.")
    sentences.append(
        "Shown are the seeds whose every setting is finished, where there are any; "
        "what is missing counts neither as fitted nor as not."
    )
    return [" ".join(sentences)]


def age(changes: Changes) -> list[str]:
    """Sentences about what has changed since a copy was executed; none if nothing."""
    found = []
    if changes.cells:
        found.append(CHANGED)
    if changes.criteria:
        found.append(
            f"The criteria of {listed(changes.criteria)} have changed since: these "
            "verdicts were given by the older ones and do not count on the scorecard."
        )
    return found


def listed(names: list[str]) -> str:
    """Names as they stand in a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
