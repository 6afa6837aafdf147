"""The paper beside this edition: what each sets, and what each has where it says so."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from helpers.chapters.parameters.declared import declare
from helpers.claims.html import badge_html, describe_number, table_html
from helpers.claims.registry import find_claim, load_papers
from helpers.datasets.names import called
from helpers.errors import Failure

TOLD = 5  # settings that can be named as different, the first ones
MODELS = {"vgg16": "VGG-16", "small_vgg": "small VGG", "alexnet": "AlexNet"}
MODELS |= {"resnet": "ResNet", "convnet": "ConvNet", "mlp": "perceptron"}
FROM_PAPER = "paper: "  # begins the reason of a criterion whose number it names


def settings_of(chapter: str, parameters: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What a chapter sets, in the paper and here: name, paper's words, ours."""
    every = dict(pair for paper in load_papers() for pair in paper.settings)
    found: list[tuple[str, ...]] = []
    for setting in every.get(chapter, ()):
        values = {name: parameters.get(name) for name in setting.here}
        values = {name: value for name, value in values.items() if value is not None}
        said = ["all" if _all(n, v) else spoken(v) for n, v in values.items()]
        if said:
            found.append((setting.what, setting.paper, ", ".join(said)))
    return found


def differences(chapter: str, parameters: Mapping[str, Any]) -> str:
    """What differs from the paper most, in a few words; "" where nothing is known."""
    rows = settings_of(chapter, parameters)[:TOLD]
    told = [
        f"{what} {ours} (paper: {paper})"
        for what, paper, ours in rows
        if ours != paper and paper != "not stated"
    ]
    return "; ".join(told)


def beside_html(
    chapter: str, parameters: Mapping[str, Any], records: Sequence[Mapping]
) -> str:
    """The paper and this edition as a table: settings, then what the paper names."""
    rows = [
        f'<tr><th scope="row">{escape(what)}</th><td>{escape(paper)}</td>'
        f"<td>{escape(ours)}</td></tr>"
        for what, paper, ours in settings_of(chapter, parameters)
    ]
    for record in records:
        claim = find_claim(record["id"])
        whys = {criterion.name: criterion.why for criterion in claim.criteria}
        for part in record["parts"]:
            why = whys.get(part["name"], "")
            if part["n"] is not None and why.startswith(FROM_PAPER):
                named = why.removeprefix(FROM_PAPER).split("; ours:")[0]
                rows.append(
                    f'<tr><th scope="row"><a href="#{escape(claim.id)}">'
                    f"{escape(claim.figure)}</a>: {escape(part['text'])}</th>"
                    f"<td>{escape(named)}</td><td>{escape(describe_number(part))} "
                    f"{badge_html(part['verdict'])}</td></tr>"
                )
    return table_html(["", "Paper", "Here"], rows) if rows else ""


def parameters_html(source: str, given: Mapping[str, Any]) -> str:
    """The parameters of an edition as a table: name, value, meaning; folded.

    source: of the cell that declares them. given: the values of this edition.
    """
    try:
        declared = declare(source, "the parameters")
    except Failure:
        return ""
    rows = [
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        f"<td>{escape(spoken(given.get(name, parameter.default)))}</td>"
        f"<td>{escape(parameter.comment)}</td></tr>"
        for name, parameter in declared.items()
    ]
    table = table_html(["Parameter", "This edition", "Meaning"], rows)
    title = f"Parameters of this edition ({len(rows)})"
    return f"<details><summary>{title}</summary>\n{table}\n</details>"


def _all(name: str, value: Any) -> bool:
    """Whether a number of examples stands for all there are."""
    return name.endswith("_examples") and value == 0


def spoken(value: Any) -> str:
    """A value of a parameter as one reads it."""
    if isinstance(value, list):
        return ", ".join(map(spoken, value)) or "none"
    if isinstance(value, bool) or value in (None, ""):
        return {True: "yes", False: "no"}.get(value, "none")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    return MODELS.get(str(value)) or called(str(value))
