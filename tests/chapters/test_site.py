"""The site: its order, its pages, and what a browser without a network sees of it."""

import base64
import html.parser
import importlib
import io
import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import nbformat.v4 as v4
import pytest
import yaml

from helpers import claims
from helpers.chapters import book, site
from helpers.chapters.pages.cells import DATA
from helpers.chapters.pages.exports import PLACEHOLDER
from helpers.claims.registry import load_registry
from helpers.errors import Failure
from helpers.estimates import Estimate

PROJECT = Path(__file__).resolve().parents[2]
CHAPTER, AGED = "extreme_memorization", "relu_loss_scaling"
UNTESTED = ("A1a", "A2c")
HOST = "book.test"  # of pages that no server serves
PATIENCE = 300_000  # milliseconds, after which a browser has hung
OPENING = r"""# Can a network fit everything and learn nothing?

Paper A, figure 1 {cite:p}`mehta2021extreme`. A network $z = W_2 \sin(W_1 x)$ starts at
scale $\sigma$; see {eq}`eq-sample`, {numref}`fig-accuracy` and {chapter}`rewinding`,
[why](relu_loss_scaling) and [geometry](mftma_layers).

$$
\Omega = \frac{\mathbb{E}_{i \neq j} \langle v_i, v_j \rangle}
              {(\mathbb{E} \lVert v_i \rVert)^2}
$$ (eq-sample)

## The experiment
"""


DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="388pt" height="244pt" viewBox="0 0 '
    '388 244"><path d="M 0 0 L 388 0 L 388 244 z" style="fill: #ffffff"/></svg>'
)
LACKING = {"planned": 6, "finished": 5, "stopped": 1, "lacks": ["seed 2"], "begun": []}


def png() -> str:
    """A small picture, as it stands in a notebook's output."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (640, 400), "white").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def lines() -> dict:
    """A drawing of two lines over σ with their data, as a notebook shows it."""
    x = [0.1, 1.0, 10.0]
    one, two = (
        [
            [0.2 + 0.3 * k, 0.8 - level, s, level, level - 0.1, level + 0.1]
            for k, (s, level) in enumerate(zip(x, levels, strict=True))
        ]
        for levels in ((0.7, 0.5, 0.1), (0.75, 0.72, 0.7))
    )
    named = [("test", "#0072b2", one), ("training", "#d55e00", two)]
    panel = {"box": [0.1, 0, 1, 0.9], "title": "", "x": "scale σ", "y": "accuracy"}
    keys = ("name", "color", "at")
    panel["lines"] = [dict(zip(keys, some, strict=True)) for some in named]
    data = {"panels": [panel, panel | {"title": "again"}]}
    return {"image/svg+xml": DRAWING, "text/plain": "Two lines.", DATA: data}


def verdicts() -> claims.Table:
    """Verdicts on three claims, one that was measured and fell short among them."""
    asked = load_registry()["A2a"].criteria
    judged = [claims.judge("A2a", {c.name: Estimate(0.1, 0, 0.2, 5) for c in asked})]
    note = "The sample trains nothing."
    return claims.table(judged + [claims.judge(i, None, note=note) for i in UNTESTED])


def code(source: str, data: dict | None = None, **metadata):
    """An executed code cell with one output."""
    cell = v4.new_code_cell(source, execution_count=1, metadata=metadata)
    if data:
        cell.outputs = [v4.new_output("display_data", data)]
    return cell


def executed_copy(scale: str, variant: str = "main") -> dict:
    """A hand-made executed chapter in the book's form."""
    figure = {"caption": "Accuracy by scale, n = 5.", "name": "fig-accuracy"}
    alt = {"image": {"alt": "Test accuracy falls from high to chance."}}
    words = "Line chart: accuracy over σ.\n\nTest falls from 0.9 to 0.1."
    shown = {"image/png": png(), "text/plain": words}
    other = {"caption": "Accuracy by scale, drawn.", "name": "fig-lines"}
    cells = [
        v4.new_markdown_cell(OPENING),
        code(
            'dataset: str = "digits"  # text; name of the data set', tags=["parameters"]
        ),
        code("import helpers\n" * 6, tags=["hide-input"]),
        v4.new_markdown_cell("Look at where the curve ends:"),
        code("figures.accuracy()", shown, mystnb={"figure": figure, **alt}),
        code("figures.lines()", lines(), mystnb={"figure": other, **alt}),
        v4.new_markdown_cell("## Verdicts"),
        code("claims.table(verdicts)", verdicts()._repr_mimebundle_()),
        v4.new_markdown_cell("## What differs from the paper\n\nThe data: digits."),
    ]
    record = {
        **{"chapter": CHAPTER, "scale": scale, "variant": variant, "device": "cpu"},
        **{"parameters": {"dataset": "digits"}, "commit": "0123456789abcdef"},
        **{"seconds": 75.2, "finished": "2026-01-31T12:00:00", "exit_status": 0},
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "memorization": record}
    return v4.new_notebook(cells=cells, metadata=metadata)


def write_copy(book: Path, scale: str, name: str, copy: dict | None = None) -> None:
    """Put an executed copy where the book looks for it."""
    path = book / "chapters" / scale / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(copy or executed_copy(scale)))


def touch_copies(book: Path, *names: str) -> None:
    """Empty files with the names of executed copies."""
    for name in names:
        path = book / "chapters" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def copy_project(root: Path) -> Path:
    """The frame of the book, without executed chapters, in a folder of its own."""
    shutil.copy(PROJECT / "CITATION.cff", root)
    config = (PROJECT / "_config.yml").read_text()
    assert PLACEHOLDER in config
    config = config.replace(PLACEHOLDER, "somebody/book")  # as if it were published
    (root / "_config.yml").write_text(config)
    leave = shutil.ignore_patterns("chapters", "_toc.yml", "__pycache__")
    shutil.copytree(PROJECT / "book", root / "book", ignore=leave)
    return root


def aged_copy() -> dict:
    """An edition of another chapter, with outputs of which no page shows much."""
    bare = {"text/plain": "Study(data=Dataset(\n[[1, 2],\n [3, 4]]))"}
    drawn = {"application/vnd.plots.v1+json": {}, "text/html": "<p>drawn</p>"}
    title = v4.new_markdown_cell("# Why does scale matter?")
    cells = [title, code("study", bare), code("plot", drawn)]
    cells[1].outputs[0] |= {"output_type": "execute_result", "execution_count": 1}
    record = {"exit_status": 0, "finished": "2026-01-31", "commit": "0123456789ab+"}
    language = {"name": "python", "pygments_lexer": "ipython3"}
    metadata = {"memorization": record, "language_info": language}
    return v4.new_notebook(cells=cells, metadata=metadata)


def write_notebook(root: Path, chapter: str, copy: dict) -> None:
    """Put the notebook among the sources from which a copy was made."""
    source = v4.new_notebook(cells=copy["cells"])
    (root / "notebooks").mkdir(exist_ok=True)
    (root / "notebooks" / f"{chapter}.ipynb").write_text(json.dumps(source))


NEW_PAPER = """\
letter: D
title: Forgetting in deep networks
cite: anybody2026forgetting
caption: forgetting
chapters:
  forgetting: What a network forgets
claims:
- {id: D1, figure: Figure 1, chapter: forgetting, statement: Networks forget.,
   criteria: [{name: loss, at_least: 0.1, text: loss of accuracy, why: "ours: clear"}]}
"""
ENTRY = """
@article{anybody2026forgetting, author = {Anybody, A.}, year = {2026},
  title = {Forgetting in deep networks}, journal = {Notes}}
"""


def write_new_paper(root: Path) -> None:
    """All that a chapter of a new paper takes: notebook, claims and a reference."""
    claims = root / "helpers" / "papers" / "forgetting" / "claims.yaml"
    claims.parent.mkdir(parents=True)
    claims.write_text(NEW_PAPER)
    with (root / "book" / "references.bib").open("a") as library:
        library.write(ENTRY)
    copy = aged_copy()
    copy.cells[0].source = "# What is forgotten?\n\n{cite:t}`anybody2026forgetting`"
    write_notebook(root, "forgetting", copy)
    write_copy(root / "book", "laptop", "forgetting", copy)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A site with one chapter in three editions and a failed copy; its html folder.

    Another chapter has an edition that is committed. The site is built for a user whose
    settings would end Python, or have it speak in colours.
    """
    root = copy_project(tmp_path_factory.mktemp("site"))
    write_notebook(root, CHAPTER, executed_copy("laptop"))
    write_notebook(root, AGED, aged_copy())
    sigmoid = executed_copy("laptop", variant="sigmoid")
    sigmoid["metadata"]["memorization"]["lacking"] = LACKING
    write_copy(root / "book", "workstation", AGED, aged_copy())
    write_copy(root / "book", "laptop", CHAPTER)
    write_copy(root / "book", "laptop", f"{CHAPTER}-sigmoid", sigmoid)
    write_copy(root / "book", "smoke", CHAPTER)
    write_copy(root / "book", "laptop", "rewinding.failed")
    write_new_paper(root)
    settings = {"PYTHONWARNINGS": "error", "FORCE_COLOR": "1", "HOME": "/proc/nowhere"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "LC_ALL": "tr_TR.ISO-8859-9"}.items():
            patch.setenv(name, value)
        patch.chdir(root)  # as `python -m helpers build` is called
        return site.build_site(root).parent


class Page(html.parser.HTMLParser):
    """The elements of a page, as (tag, attributes)."""

    def __init__(self, path: Path):
        super().__init__()
        self.text = path.read_text()
        self.elements: list[tuple[str, dict]] = []
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def pages(html_folder: Path) -> list[Path]:
    found = sorted(html_folder.rglob("*.html"))
    return [path for path in found if not {"_static", "mathjax"} & set(path.parts)]


# The order of the book


def test_best_edition_is_the_page_and_the_others_hang_elsewhere(tmp_path):
    places = ("smoke/", "laptop/", "paper/", "workstation/")
    names = [f"{place}{CHAPTER}.ipynb" for place in places]
    varied = f"paper/{CHAPTER}-cifar100.ipynb", f"workstation/{CHAPTER}-aaa.ipynb"
    touch_copies(tmp_path, *names, *varied)
    parts = site.table_of_contents(tmp_path)["parts"]
    assert parts[0]["chapters"] == [{"file": f"chapters/paper/{CHAPTER}"}]
    hanging = parts[-1]["chapters"][-1]
    assert hanging["file"] == "editions"
    topic = book.topics()[CHAPTER]
    assert [(e["file"], e["title"]) for e in hanging["sections"]] == [
        (f"chapters/paper/{CHAPTER}-cifar100", f"{topic}: CIFAR-100 (paper scale)"),
        (f"chapters/workstation/{CHAPTER}", f"{topic}: Workstation edition"),
        (f"chapters/workstation/{CHAPTER}-aaa", f"{topic}: Aaa (workstation scale)"),
        (f"chapters/laptop/{CHAPTER}", f"{topic}: Laptop edition"),
        (f"chapters/smoke/{CHAPTER}", f"{topic}: Smoke edition"),
    ]


def test_chapters_follow_the_book_and_absent_ones_are_left_out(tmp_path):
    there = [name for name in book.book_chapters() if name != "rewinding"]
    own = "laptop/a_new_chapter.ipynb"
    touch_copies(tmp_path, own, *(f"smoke/{name}.ipynb" for name in reversed(there)))
    parts = site.table_of_contents(tmp_path)["parts"]
    files = [Path(e["file"]).name for part in parts for e in part["chapters"]]
    assert files == [*there, "a_new_chapter", *site.CLOSING]
    assert [part["caption"] for part in parts[-2:]] == [
        *("More chapters", "About the book")
    ]


def test_failed_removed_and_partial_copies_are_not_in_the_book(tmp_path):
    half = (".failed", "-sigmoid.failed", "-sigmoid.partial")
    names = [f"laptop/{CHAPTER}{end}.ipynb" for end in half]
    touch_copies(
        tmp_path / "book", *names, f"laptop/.ipynb_checkpoints/{CHAPTER}.ipynb"
    )
    assert book.find_editions(tmp_path / "book") == {}
    touch_copies(tmp_path / "book", f"smoke/{CHAPTER}.ipynb")
    html_folder = tmp_path / "_build/html"
    touch_copies(html_folder, f"smoke/{CHAPTER}.html", f"laptop/{CHAPTER}.html")
    site.remove_stale_pages(tmp_path)
    assert [p.parent.name for p in html_folder.rglob("*.html")] == ["smoke"]
    before = site.write_toc(tmp_path).stat().st_mtime_ns
    assert site.write_toc(tmp_path).stat().st_mtime_ns == before  # left alone
    assert yaml.safe_load((tmp_path / "book/_toc.yml").read_text())["root"] == "intro"


# The built pages


def test_every_page_is_built_and_the_failed_copy_is_not(built):
    names = {p.relative_to(built).with_suffix("").as_posix() for p in pages(built)}
    chapters = {f"laptop/{CHAPTER}", f"laptop/{CHAPTER}-sigmoid", f"smoke/{CHAPTER}"}
    assert {f"chapters/{name}" for name in chapters} <= names
    assert {"intro", *site.CLOSING} <= names
    assert not any("failed" in name for name in names)
    page = Page(built / "intro.html")
    assert f"chapters/laptop/{CHAPTER}.html" in [a.get("href") for a in page.all("a")]
    assert "Rewinding single layers (not in this build)" in page.text


def loads_from_elsewhere(page: Page) -> list[str]:
    """What a browser would fetch from another host, and names of such hosts."""
    loads = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
    fetched = [a for tag, key in loads.items() for a in page.all(tag) if a.get(key)]
    found = [
        str(attributes)
        for attributes in fetched
        if re.match(r"(https?:)?//", attributes.get("src") or attributes.get("href"))
        or attributes.get("rel") in ("preconnect", "dns-prefetch")
    ]
    words = ("unpkg", "jsdelivr", "cdnjs", "googleapis", "thebe")
    return found + [word for word in words if word in page.text.lower()]


def without_alternative_text(page: Page) -> list[dict]:
    """Pictures and drawings without a text of their own."""
    # The logo is left out: the title stands beside it.
    images = [a for a in page.all("img") if "logo__image" not in a.get("class", "")]
    texts = [(a, a.get("alt") or "") for a in images]
    silent = [a for a, alt in texts if not alt or alt.endswith((".png", ".svg"))]
    drawings = [a for a in page.all("svg") if a.get("role") == "img"]
    return silent + [a for a in drawings if not a.get("aria-labelledby")]


@pytest.mark.parametrize("wrong", [loads_from_elsewhere, without_alternative_text])
def test_no_page_loads_from_elsewhere_or_lacks_alternative_text(built, wrong):
    found = {path.name: wrong(Page(path)) for path in pages(built)}
    assert found == {name: [] for name in found}


def test_no_button_leads_to_a_repository_before_it_has_an_address(monkeypatch):
    monkeypatch.syspath_prepend(PROJECT / "book" / "_ext")
    frame = importlib.import_module("book_frame")
    labels = (
        "launch-buttons",
        "source-buttons",
        "source-repository-button",
        "download",
    )
    groups = [{"label": label} for label in labels]
    context, app = {"header_buttons": groups}, SimpleNamespace()
    app.srcdir = PROJECT / "book"
    frame.drop_buttons(app, "intro", None, context, None)
    assert context["header_buttons"] == [{"label": "download"}]


def test_buttons_lead_to_the_committed_notebook(built):
    config = built.parents[1] / "_config.yml"
    repository = yaml.safe_load(config.read_text())["repository"]
    owner = repository["url"].removeprefix("https://github.com/")
    path = f"blob/{repository['branch']}/notebooks/{CHAPTER}.ipynb"
    binder, colab = f"mybinder.org/v2/gh/{owner}/", "colab.research.google.com/github"
    for name in (CHAPTER, f"{CHAPTER}-sigmoid"):
        page = Page(built / f"chapters/laptop/{name}.html")
        links = [a.get("href", "") for a in page.all("a")]
        ours = {link for link in links if CHAPTER in link and link[:6] == "https:"}
        assert {f"{repository['url']}/{path}?plain=1"} <= ours
        assert {f"https://{colab}/{owner}/{path}"} <= ours
        assert [link for link in ours if link.startswith(f"https://{binder}")]
        assert not any("book/chapters" in link for link in ours)


def test_chapter_says_which_edition_it_is_and_links_to_the_others(built):
    text = (built / f"chapters/laptop/{CHAPTER}.html").read_text()
    box = re.search(r'<div class="edition.*?</div>', text, re.DOTALL).group()
    words = re.sub(r"<[^>]+>", "", box)
    for fact in ("Laptop edition", "digits", "CPU", "75 s", "2026-01-31", "0123456"):
        assert fact in words
    assert f'href="{CHAPTER}-sigmoid.html"' in box
    assert f'href="../smoke/{CHAPTER}.html"' in box
    told = "Stopped by the budget: 5 of 6 networks are finished. Missing: seed 2."
    sigmoid = (built / f"chapters/laptop/{CHAPTER}-sigmoid.html").read_text()
    assert told in sigmoid and told not in text
    smoke = (built / f"chapters/smoke/{CHAPTER}.html").read_text()
    assert "say nothing about the paper" in smoke and "say nothing" not in text
    (title,) = re.findall(r"<title>(.*?)</title>", text, re.DOTALL)
    assert "learn nothing? · Laptop edition" in title
    # Who pages on comes to the next chapter, and to no other edition of this one.
    assert "learn nothing? · sigmoid" not in title
    (on,) = re.findall(r'<a class="right-next"\s+href="([^"]+)"', text)
    assert on == f"../workstation/{AGED}.html"
    assert "right-next" not in sigmoid and "left-prev" not in sigmoid


def test_a_chapter_opens_with_what_came_out_and_ends_beside_the_paper(built):
    page = Page(built / f"chapters/laptop/{CHAPTER}.html")
    box = re.search(
        r'<div class="outcome">.*?</dl></div>', page.text, re.DOTALL
    ).group()
    assert "Of 1 claim 1 does not; 2 more are not tested." in box
    assert 'href="#A2a"' in box and "<dt>Data</dt><dd>digits</dd>" in box
    ids = [attributes.get("id") for _, attributes in page.elements]
    assert [ids.count(name) for name in ("A2a", *UNTESTED)] == [1, 1, 1]
    assert page.text.index("What differs") < page.text.rindex("The paper beside us")
    assert "Parameters of this edition (1)" in page.text


def test_a_picture_has_no_static_text_that_claims_an_outcome(built):
    """The copy describes its figure; what its notebook once claimed is gone."""
    page = Page(built / f"chapters/laptop/{CHAPTER}.html")
    (alt,) = [a["alt"] for a in page.all("img") if "Line chart" in a.get("alt", "")]
    assert alt == "Line chart: accuracy over σ. Test falls from 0.9 to 0.1."
    assert "from high to chance" not in page.text
    assert '<div class="seen"><p>Test falls from 0.9 to 0.1.</p></div>' in page.text


def test_the_first_page_shows_every_claim_and_that_no_paper_scale_was_run(built):
    page = Page(built / "intro.html")
    named = [a for a in page.all("a") if a.get("class", "").startswith("cell ")]
    assert len(named) >= len(load_registry())
    assert all(a["aria-label"] == a["title"] for a in named)
    assert "Nothing has been run at the papers’ own scale yet." in page.text
    (measured,) = [
        a for a in named if a["href"] == f"chapters/laptop/{CHAPTER}.html#A2a"
    ]
    assert "Figure 2a, A2a: not reproduced (laptop scale)" in measured["title"]
    assert "@misc{memorization" in page.text
    assert "url    = {https://github.com/somebody/book}\n}" in page.text


def test_pages_describe_themselves_and_programs_find_the_claims(built):
    for name in ("intro", "scorecard", "methods", f"chapters/laptop/{CHAPTER}"):
        metas = {
            a.get("name") or a.get("property"): a.get("content")
            for a in Page(built / f"{name}.html").all("meta")
        }
        assert 40 < len(metas["description"]) <= 202
        assert metas["og:description"] == metas["description"] and metas["og:title"]
        assert metas["og:site_name"] == "Memorization in deep networks"
        assert "\\" not in metas["description"]  # no TeX
    assert not (built / "genindex.html").exists()
    claims_told = json.loads((built / "claims.json").read_text())
    assert len(claims_told) == len(load_registry()) + 1  # one of the new paper
    assert "Figure 2a (A2a)" in (built / "llms.txt").read_text()
    assert "chapters/laptop" in (built / "sitemap.xml").read_text()
    for name in ("404", "index"):
        page = Page(built / f"{name}.html")
        assert page.all("html") == [{"lang": "en"}] and "intro.html" in page.text


def test_the_first_use_of_a_term_leads_to_the_glossary(built):
    terms = yaml.safe_load((PROJECT / "book/_data/glossary.yaml").read_text())
    assert len(terms) >= 25
    page = Page(built / "methods.html")
    links = [a for a in page.all("a") if a.get("class") == "term"]
    names = [a["href"] for a in links]
    assert len(links) > 8 and len(set(names)) == len(names)
    ids = [a.get("id") for _, a in Page(built / "glossary.html").elements]
    assert {name.partition("#")[2] for name in names} <= set(ids)
    assert {a["data-preview"] for a in links} <= set(terms.values())


def test_terms_are_met_in_the_plural_and_by_their_other_names(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "book/_ext"))
    reading = importlib.import_module("book_reading")
    terms = reading.glossary(str(PROJECT / "book"))
    left = {name.lower(): term for term in terms for name in (term.name, *term.others)}
    text = "Lazy networks have manifolds; a manifold, capacities, and lazy training."
    pieces = reading.linked_terms(text, left, "glossary.html")
    told = "".join(map(str, pieces))
    assert re.findall(r">([^<]+)</a>", told) == ["Lazy", "manifolds", "capacities"]
    assert re.sub("<[^>]+>", "", told) == text
    assert "lazy training" not in left and "best epoch" in left


def test_a_page_shows_what_it_can_and_says_what_it_leaves_out(built):
    text = (built / f"chapters/workstation/{AGED}.html").read_text()
    assert "<p>drawn</p>" in text and "Dataset(" not in text
    assert "Not shown: 3 lines of a bare value, which the notebook holds." in text
    assert "0123456 and later changes" in text
    copy = built.parents[1] / f"book/chapters/workstation/{AGED}.ipynb"
    assert "Dataset(" in copy.read_text()


def test_references_stay_on_the_page_of_their_edition(built):
    """All editions define the same labels; a page must link to its own figure."""
    for page in (f"laptop/{CHAPTER}", f"laptop/{CHAPTER}-sigmoid", f"smoke/{CHAPTER}"):
        text = (built / f"chapters/{page}.html").read_text()
        (figure,) = re.findall(r'<figure[^>]* id="(fig-accuracy[^"]*)"', text)
        assert f'href="#{figure}"' in text
        # Numbers start again on every page, so that editions agree.
        assert 'class="caption-number">Fig. 1 </span>' in text
        assert len(re.findall(r'href="#equation-eq-sample[^"]*"', text)) >= 1


def test_links_between_chapters_lead_where_there_is_a_page(built):
    """At the page's own scale, else at another; a chapter without one is a word."""
    text = (built / f"chapters/laptop/{CHAPTER}.html").read_text()
    assert f'href="../workstation/{AGED}.html"' in text
    (words,) = re.findall(r">why<.*?</p>", text, re.DOTALL)
    assert re.sub(r"<[^>]+>", "", words).endswith("and geometry.")


def test_second_build_writes_only_what_changed(built, monkeypatch):
    monkeypatch.chdir(built.parents[1])
    root = built.parents[1]
    methods = (built / "methods.html").stat().st_mtime_ns
    write_copy(root / "book", "smoke", CHAPTER)
    stale = built / "chapters/smoke/double_descent.html"
    stale.write_text("a chapter that was taken out of the book")
    page = built / f"chapters/smoke/{CHAPTER}.html"
    before = page.stat().st_mtime_ns
    aged = built / f"chapters/workstation/{AGED}.html"
    assert "has changed since" not in aged.read_text()
    changed = aged_copy()
    changed["cells"][1]["source"] = "study;"
    write_notebook(root, AGED, changed)
    site.build_site(root)
    told = "The chapter has changed since this edition was executed."
    assert told in aged.read_text() and "has changed since" not in page.read_text()
    assert page.stat().st_mtime_ns > before and not stale.exists()
    assert (built / "methods.html").stat().st_mtime_ns == methods


def test_a_new_look_or_new_words_of_verdicts_reach_every_page(tmp_path, monkeypatch):
    own = [f"helpers/chapters/{name}.py" for name in ("site", "ageing", "outputs")]
    named = ["book/_static/book.css", "helpers/papers/scale/claims.yaml"]
    for name in [*own, *named, "_config.yml", "book/_toc.yml", "built"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000))
    monkeypatch.setattr(site, "__file__", str(tmp_path / own[0]))
    built = tmp_path / "built"
    assert not site.frame_changed(tmp_path, since=built)
    for name in named:
        os.utime(tmp_path / name, (2000, 2000))
        assert site.frame_changed(tmp_path, since=built), name
        os.utime(tmp_path / name, (1000, 1000))


def test_failure_names_the_complaint_and_the_log(tmp_path):
    root = copy_project(tmp_path)
    (root / "book" / "references.md").write_text("# References\n\n{cite}`nobody2000`\n")
    (root / "_config.yml").write_text("title: x\nonly_build_toc_files: true\n")
    with pytest.raises(Failure, match=r"site\.log") as caught:
        site.build_site(root)
    assert "\n" not in str(caught.value)


NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def rooms_of_notebooks() -> set[str]:
    """The modules of the package from which the chapters import."""
    text = "".join(file.read_text() for file in NOTEBOOKS)
    found = re.findall(r"from (helpers[\w.]*) import ([\w, ]+)", text)
    named = {f"{room}.{name}" for room, names in found for name in names.split(", ")}
    return {name for name in {*named, *dict(found)} - {"helpers"} if is_module(name)}


def is_module(name: str) -> bool:
    path = PROJECT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_all_that_chapters_can_call_stands_on_the_page_of_the_package(built):
    text = (built / "reference.html").read_text()
    missing = []
    for module in map(importlib.import_module, sorted(rooms_of_notebooks())):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").startswith("helpers")
            if ours and not name.startswith("_") and callable(value):
                place = f'id="{value.__module__}.{value.__name__}"'
                missing += [place] * (place not in text)
    assert missing == []
    assert "Data sets as whole tensors" in text


# Colours


# In a browser


def visit(browser, folder: Path, page: str, *, width: int):
    """Open a page of a site; returns it with the problems seen while it loaded.

    Its files are handed to the browser: no server has to answer in time.
    """
    problems: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE)

    def guard(route):
        address = urlsplit(route.request.url)
        file = folder / unquote(address.path).lstrip("/")
        if address.scheme == "data":
            route.continue_()
        elif address.netloc == HOST and file.is_file():
            route.fulfill(path=file)
        else:
            problems.append(f"not of this site: {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    tab = context.new_page()
    tab.on("console", lambda m: m.type == "error" and problems.append(m.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    # What the browser gave up because the next page was asked for is no fault.
    tab.on(
        "requestfailed",
        lambda r: (
            problems.append(f"failed: {r.url}")
            if r.failure != "net::ERR_ABORTED"
            else None
        ),
    )
    open_page(tab, page)
    return tab, problems


def open_page(tab, page: str) -> None:
    """Open another page and wait until its formulas and its fonts are there."""
    tab.goto(f"http://{HOST}/{page}.html", wait_until="load")
    if tab.locator("script[src*=mathjax]").count():
        tab.wait_for_function("window.MathJax?.startup?.promise")
        tab.evaluate("MathJax.startup.promise.then(() => null)")
    tab.evaluate("document.fonts.ready.then(() => null)")


BROWSED = ["intro", *site.CLOSING, f"chapters/laptop/{CHAPTER}"]


def test_pages_load_without_network_and_fit_a_phone(browser, built):
    tab, problems = visit(browser, built, "intro", width=390)
    for page in BROWSED:
        open_page(tab, page)
        assert problems == []
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.context.close()


@pytest.mark.parametrize("page", ["methods", f"chapters/laptop/{CHAPTER}"])
def test_formulas_are_typeset_with_the_local_fonts(browser, built, page):
    tab, problems = visit(browser, built, page, width=1280)
    sizes = tab.evaluate(
        "[...document.querySelectorAll('mjx-container')].map(e => {"
        "const b = e.getBoundingClientRect(); return [b.width, b.height]})"
    )
    assert len(sizes) == tab.locator(".math").count() > 0
    assert all(width > 3 and height > 3 for width, height in sizes)
    fonts = tab.evaluate(
        "[...document.fonts].filter(f => f.family.startsWith('MJX')"
        " && f.status === 'loaded').length"
    )
    assert fonts > 0 and problems == []
    tab.context.close()


def test_hidden_code_opens_on_a_click_and_plots_keep_their_colours(browser, built):
    tab, _ = visit(browser, built, f"chapters/laptop/{CHAPTER}", width=1280)
    cells = tab.locator(".tag_hide-input")
    codes = cells.locator(".cell_input pre")
    assert [codes.nth(i).is_visible() for i in range(3)] == [False] * 3
    cells.locator("summary").first.click()
    assert [codes.nth(i).is_visible() for i in range(3)] == [True, False, False]
    tab.get_by_role("button", name="Show all code").click()
    assert [codes.nth(i).is_visible() for i in range(3)] == [True] * 3
    tab.get_by_role("button", name="Hide all code").click()
    assert not codes.first.is_visible()
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    style = "getComputedStyle(document.querySelector('.cell_output img'))"
    assert tab.evaluate(f"{style}.filter") == "none"
    assert tab.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    tab.context.close()


def test_a_figure_is_a_link_to_itself_and_a_drawing_has_one_for_the_dark(built):
    page = Page(built / "chapters" / "laptop" / f"{CHAPTER}.html")
    links = [a for a in page.all("a") if "enlarge" in (a.get("class") or "")]
    kinds = [(a["class"].split()[1], a["href"].rsplit(".")[-1]) for a in links]
    assert kinds == [("plate", "png"), ("only-light", "svg"), ("only-dark", "svg")]
    for link, image in zip(links, page.all("img")[-3:], strict=True):
        assert link["href"] == image["src"] and image["loading"] == "lazy"
        assert image["alt"] and int(image["width"]) > int(image["height"]) > 0
        assert (built / "chapters" / "laptop" / link["href"]).resolve().is_file()
    dark = (built / "chapters" / "laptop" / links[2]["href"]).read_text()
    assert "#121212" in dark and "#ffffff" not in dark


def test_a_chapters_figure_tells_its_values_by_keyboard(browser, built):
    tab, problems = visit(browser, built, f"chapters/laptop/{CHAPTER}", width=390)
    tab.locator(".reader").press("ArrowRight")
    told = tab.locator(".stage .reading").inner_text()
    value = "0.5 (interval 0.4 to 0.6)"
    assert told == f"accuracy: test {value}, scale σ 1; again: {value}"
    assert tab.locator(".sigma-bar").count() == 0  # which one figure has no use for
    assert problems == []
    tab.context.close()


def test_the_scorecard_is_filtered_and_sorted_by_keyboard(browser, built):
    tab, problems = visit(browser, built, "scorecard", width=390)
    groups = tab.locator("table.scorecard tbody:visible")
    assert groups.count() == len(load_registry()) + 1
    tab.locator("select[name=verdict]").select_option("not reproduced")
    assert [g.get_attribute("id") for g in groups.all()] == ["A2a"]
    tab.locator("select[name=verdict]").select_option("")
    tab.get_by_label("Text").focus()
    tab.keyboard.type("beyond the paper, width")
    assert [g.get_attribute("id") for g in groups.all()] == ["A-width"]
    assert "1 of " in tab.locator(".scorecard-form output").inner_text()
    tab.get_by_label("Text").fill("")
    tab.locator("select[name=sort]").select_option("verdict")
    assert groups.first.get_attribute("id") == "A2a" and problems == []
    tab.context.close()


def test_a_link_shows_what_it_leads_to_and_hides_it_again(browser, built):
    tab, problems = visit(browser, built, "methods", width=1280)
    tab.locator("a.term").first.focus()
    preview = tab.locator("#link-preview")
    assert preview.is_visible() and len(preview.inner_text()) > 30
    tab.keyboard.press("Escape")
    assert not preview.is_visible() and problems == []
    tab.context.close()


# The project's own site, where it has been built


@pytest.mark.skipif(not (PROJECT / "_build" / "built").is_file(), reason="not built")
def test_our_pages_open_without_network_and_fit_a_phone(browser):
    ours = PROJECT / "_build" / "html"
    names = [p.relative_to(ours).with_suffix("").as_posix() for p in pages(ours)]
    tab, problems = visit(browser, ours, "intro", width=390)
    for name in [name for name in names if "/" in name or name in BROWSED]:
        open_page(tab, name)
        assert problems == [], name
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, name
    tab.context.close()


def test_a_chapter_of_a_new_paper_takes_its_own_files_and_nothing_else(built):
    contents = yaml.safe_load((built.parents[1] / "book/_toc.yml").read_text())
    assert contents["parts"][1] == {
        "caption": "Paper D: forgetting",
        "chapters": [{"file": "chapters/laptop/forgetting"}],
    }
    assert "Anybody" in (built / "chapters/laptop/forgetting.html").read_text()
    assert "Networks forget." in (built / "scorecard.html").read_text()
