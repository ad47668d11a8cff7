"""<inferaived-chat> on pages that are not ours, and the model's text in it: hostile until shown.

The element is the one that ships; only the engine behind it is fake (fake_client.js).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from py_engine.hosts.static import Server, running
from tests.browser.hostile_markdown import HOST, PAYLOADS
from tests.browser.page_fixtures import Record, ask, fake, make_site

BARE = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>
<h1>A page of somebody else</h1>
<script type="module" src="{}widget.js"></script>
<inferaived-chat model="{}"></inferaived-chat>"""

# What Markdown may become. Anything else in a message is a hole.
ALLOWED = {
    **{key: [] for key in ("p", "br", "strong", "em", "del", "code", "h3", "h4", "h5", "h6")},
    **{key: [] for key in ("ul", "li", "blockquote", "hr")},
    **{key: [] for key in ("table", "thead", "tbody", "tr")},
    **{key: ["class"] for key in ("th", "td")},
    "a": ["href", "rel", "target"],
    "div": ["class", "tabindex"],
    "ol": ["start"],
    "pre": ["data-language", "tabindex"],
    "span": ["class"],
}

# Defines globalThis.holes(node): what under a node is not allowed.
WATCH = """allowed => {
  globalThis.hits = 0;
  globalThis.pwned = () => { hits += 1; };
  globalThis.holes = (top) => {
    const found = [];
    for (const node of top.querySelectorAll("*")) {
      const known = allowed[node.localName];
      const extra = node.getAttributeNames().filter((name) => !known?.includes(name));
      if (!known || extra.length > 0) found.push(node.outerHTML);
      if (node.localName !== "a") continue;
      const { protocol, host, pathname } = new URL(node.getAttribute("href"));
      const shown = node.textContent.includes(protocol === "mailto:" ? pathname : host);
      const safe = ["http:", "https:", "mailto:"].includes(protocol) && node.target === "_blank";
      const apart = node.rel === "noopener noreferrer nofollow";
      if (!shown || !safe || !apart) found.push(node.outerHTML);
    }
    return found;
  };
}"""


@pytest.fixture(scope="module")
def fake_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("widget")
    make_site(folder)
    (folder / "shop.html").write_text(BARE.format("", "models/own.gguf"))
    with running(folder) as served:
        yield served


@pytest.fixture
def page(chromium: Browser, fake_site: Server) -> Iterator[Page]:
    """A page with one script tag and the element, on the origin of the script."""
    context = chromium.new_context(service_workers="block")
    record = Record(context, fake_site.url)
    opened = context.new_page()
    opened.goto(f"{fake_site.url}shop.html")
    yield opened
    context.close()
    assert record.unknown() == []
    assert record.errors == []


def test_nothing_loads_before_a_gesture(page: Page) -> None:
    expect(page.get_by_text("own.gguf")).to_be_visible()
    assert fake(page)["loads"] == []
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("own.gguf · llama")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    assert fake(page)["loads"] == [[f"{page.url.removesuffix('shop.html')}models/own.gguf"]]


def test_a_message_loads_the_model(page: Page) -> None:
    ask(page, 'say ["Welcome"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("Welcome")
    ask(page, "endless")
    expect(page.get_by_text("word9 ")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("stopped")).to_be_visible()
    assert len(fake(page)["loads"]) == 1


def test_attributes_and_removal(page: Page) -> None:
    chat = page.locator("inferaived-chat")
    chat.evaluate("chat => chat.setAttribute('model', 'models/later.gguf')")
    expect(page.get_by_text("later.gguf")).to_be_visible()
    chat.evaluate("chat => { chat.system = 'Sell shoes.'; chat.options = { seed: 5 } }")
    ask(page, "hello")
    expect(page.get_by_role("article", name="Model")).to_contain_text("tok/s")
    request = fake(page)["requests"][0]
    assert request["messages"][0] == {"role": "system", "content": "Sell shoes."}
    assert request["options"] == {"seed": 5}
    chat.evaluate("chat => { globalThis.kept = chat; chat.remove() }")
    page.wait_for_function("() => fake.closed === 1")
    page.evaluate("() => document.body.append(kept)")
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_from_another_origin_it_is_a_frame(
    chromium: Browser, fake_site: Server, tmp_path: Path
) -> None:
    """Our code gets no access to that page, nor it to the chat, and nothing loads unasked."""
    (tmp_path / "shop.html").write_text(BARE.format(fake_site.url, "https://models.example/m.gguf"))
    with running(tmp_path) as shop:
        context = chromium.new_context(service_workers="block")
        record = Record(context, fake_site.url, shop.url)
        page = context.new_page()
        page.goto(f"{shop.url}shop.html")
        frame = page.frame_locator("inferaived-chat iframe")
        expect(frame.get_by_text("m.gguf")).to_be_visible()
        expect(frame.get_by_role("button", name="Settings")).to_be_hidden()
        frame.get_by_role("button", name="Start").click()
        box = frame.get_by_role("textbox", name="Message")
        box.fill('say ["from the frame"]')
        box.press("Enter")
        expect(frame.get_by_role("article", name="Model")).to_contain_text("from the frame")
        assert page.evaluate("() => globalThis.fake?.loads ?? []") == []
        context.close()
    assert record.unknown() == []
    assert record.errors == []


def test_hostile_text_stays_text_at_every_split(page: Page) -> None:
    """Every prefix of every payload, drawn into the live page as a stream draws it."""
    assert len(PAYLOADS) >= 100
    page.evaluate(WATCH, ALLOWED)
    found = page.evaluate(
        """async (payloads) => {
             const { Growing, render } = await import("./chat/markdown.js");
             const { patch } = await import("./chat/dom.js");
             const found = [];
             for (const payload of payloads) {
               const box = document.body.appendChild(document.createElement("div"));
               const growing = new Growing();
               for (let end = 1; end <= payload.length; end++) {
                 patch(box, growing.nodes(payload.slice(0, end)));
                 found.push(...holes(box).map((hole) => [payload.slice(0, end), hole]));
               }
               const whole = document.createElement("div");
               whole.append(...render(payload));
               if (!whole.isEqualNode(box)) found.push([payload, "depends on the splits"]);
             }
             await new Promise((resolve) => setTimeout(resolve, 300));
             return found;
           }""",
        PAYLOADS,
    )
    assert found == []
    assert page.evaluate("() => hits") == 0


def test_hostile_text_stays_text_in_the_widget(page: Page) -> None:
    text = "\n\n".join(PAYLOADS)
    page.evaluate(WATCH, ALLOWED)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("own.gguf · llama")).to_be_visible()
    ask(page, "say " + json.dumps([text[at : at + 29] for at in range(0, len(text), 29)]))
    expect(page.get_by_text(" · 31 tok/s")).to_be_visible(timeout=60_000)
    seen: list[Any] = page.evaluate(
        """() => {
             const { shadowRoot } = document.querySelector("inferaived-chat");
             return [...shadowRoot.querySelectorAll(".message .text")].flatMap(holes);
           }"""
    )
    assert seen == []
    assert page.evaluate("() => hits") == 0
    expect(page.get_by_role("article", name="Model")).to_contain_text(f"({HOST})")


REFERENCE = (
    '<p>[x]: <a href="https://x.example/" target="_blank" rel="noopener noreferrer nofollow">'
    "https://x.example/</a></p>"
)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "a **b** *c* `d` ~~e~~",
            "<p>a <strong>b</strong> <em>c</em> <code>d</code> <del>e</del></p>",
        ),
        (
            "***x*** snake_case_name 2 * 3 * 4",
            "<p><em><strong>x</strong></em> snake_case_name 2 * 3 * 4</p>",
        ),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("half **open", "<p>half **open</p>"),
        ("\\*not\\* `a\\*b`", "<p>*not* <code>a\\*b</code></p>"),
        ("`` a`b ``", "<p><code>a`b</code></p>"),
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("# A\n###### B", "<h3>A</h3><h6>B</h6>"),
        ("- a\n- b\n  - c\n\nd", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><p>d</p>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("1. a\n\n   b\n2. c", "<ol><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>"),
        ("- a\n\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>"),
        (
            "1. a\n\n   - b\n\n2. c",
            "<ol><li><p>a</p><ul><li>b</li></ul></li><li><p>c</p></li></ol>",
        ),
        ("- [x] a\n- [ ] b", "<ul><li>☑ a</li><li>☐ b</li></ul>"),
        ("a\n===\nb\n---", "<h3>a</h3><h4>b</h4>"),
        ("    x < y\n", '<pre tabindex="0"><code>x &lt; y</code></pre>'),
        (
            "&lt;b&gt; &amp;amp; &eacute;&#8364;&#x20ac;&#0; &bogus; `&lt;`",
            "<p>&lt;b&gt; &amp;amp; é€€\ufffd &amp;bogus; <code>&amp;lt;</code></p>",
        ),
        (
            "<b>x</b>\n<div>*y*</div>",
            "<p>&lt;b&gt;x&lt;/b&gt;<br>&lt;div&gt;<em>y</em>&lt;/div&gt;</p>",
        ),
        ("[x]: https://x.example/\n", REFERENCE),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        ("---", "<hr>"),
        (
            "```py\n<b>\n```\nx",
            '<pre tabindex="0" data-language="py"><code>&lt;b&gt;</code></pre><p>x</p>',
        ),
        ("```\nhalf\nopen", '<pre tabindex="0"><code>half\nopen</code></pre>'),
        (
            "| a | b |\n|---|:-:|\n| 1 | **2** |",
            '<div class="table" tabindex="0"><table><thead><tr><th>a</th><th class="center">b</th>'
            '</tr></thead><tbody><tr><td>1</td><td class="center"><strong>2</strong></td></tr>'
            "</tbody></table></div>",
        ),
        (
            "| `a|b` | c\\|d |\n|:--|--:|\n| `` e|`f `` | `g\\|h` |\nx",
            '<div class="table" tabindex="0"><table><thead><tr><th class="left"><code>a|b</code>'
            '</th><th class="right">c|d</th></tr></thead><tbody><tr><td class="left">'
            '<code>e|`f</code></td><td class="right"><code>g|h</code></td></tr><tr>'
            '<td class="left">x</td><td class="right"></td></tr></tbody></table></div>',
        ),
        ("bidi \u202e and \u200b", "<p>bidi ⟨U+202E⟩ and ⟨U+200B⟩</p>"),
        ("é 日本 👩\u200d👩\u200d👧", "<p>é 日本 👩\u200d👩\u200d👧</p>"),
    ],
)
def test_markdown(page: Page, source: str, shown: str) -> None:
    assert rendered(page, source) == shown


@pytest.mark.parametrize(
    ("source", "shown", "href"),
    [
        ("[a](https://x.example/p_(q))", "a (x.example)", "https://x.example/p_(q)"),
        ("see https://x.example/a_b.", "https://x.example/a_b", "https://x.example/a_b"),
        (
            "[https://bank.example](https://x.example)",
            "https://bank.example (x.example)",
            "https://x.example/",
        ),
        ("https://bank.example@x.example/", "https://bank.example@x.example/ (x.example)", None),
        ("[раураl](https://раураl.example)", "раураl (xn--l-7sba6dbr.example)", None),
        ("![alt](https://x.example/i.png)", "alt (x.example)", "https://x.example/i.png"),
        ("[m](mailto:a@x.example)", "m (a@x.example)", "mailto:a@x.example"),
        ("<https://x.example/&amp;>", "https://x.example/&amp;", "https://x.example/&amp;"),
        ("[a](https://x.example/?b&amp;c)", "a (x.example)", "https://x.example/?b&c"),
        ("[![b](https://y.example/)](https://x.example/)", "b (x.example)", "https://x.example/"),
    ],
)
def test_links_say_where_they_go(page: Page, source: str, shown: str, href: str | None) -> None:
    text, address = page.evaluate(
        """async (source) => {
             const { render } = await import("./chat/markdown.js");
             const link = render(source)[0].querySelector("a");
             return [link.textContent, link.getAttribute("href")];
           }""",
        source,
    )
    assert text == shown
    assert href in (None, address)


def rendered(page: Page, source: str) -> str:
    html: str = page.evaluate(
        """async (source) => {
             const { render } = await import("./chat/markdown.js");
             const box = document.createElement("div");
             box.append(...render(source));
             return box.innerHTML;
           }""",
        source,
    )
    return html


def test_no_text_makes_drawing_slow(page: Page) -> None:
    """160,000 characters of what invites searching: under a second each if the time is linear, on
    a machine that is not busy; half a minute and more if it were quadratic."""
    units = ["*", "**a ", "_a_ ", "***", "[", "[](", "](", "`", "` ``", "~~", "> ", "- ", "|", "h"]
    units += ["\\", "https://a ", " ", "\n", "a\n", "1. a\n", "  - a\n", "|a|\n|-|\n", "```\n"]
    units += [
        "*_",
        "(((",
        "![",
        "# ",
        "a_",
        "**a",
        "<",
        "&#",
        "\\*",
        "`a` ",
        "[a](b) ",
        "> a\n>> b\n",
    ]
    units += ["- a\n\n", "1. > - a\n", "|a|b|\n", "www.", "a@", "[a]: b\n"]
    slow = page.evaluate(
        """async (units) => {
             const { render } = await import("./chat/markdown.js");
             const slow = [];
             for (const unit of units) {
               const text = unit.repeat(160000 / unit.length);
               const start = performance.now();
               render(text);
               const taken = performance.now() - start;
               if (taken > 8000) slow.push([unit, taken]);
             }
             return slow;
           }""",
        units,
    )
    assert slow == []


def test_a_stream_draws_only_what_is_open(page: Page) -> None:
    """Finished blocks stay the same nodes, and the end is what the whole text gives."""
    sections = "".join(
        f"## S {i}\r\n\n*a* `b`\n- c\n\n  d\n* e\n\n> f\ng\n\n| h |\n|:-|\n| i |\n\n"
        "```\nj\n\nk\n```\n    l\n\n    m\n\n3. n\n   1. o\n\n---\np\n===\n"
        for i in range(3)
    )
    same, renewed = page.evaluate(
        """async (text) => {
             const { Growing, render } = await import("./chat/markdown.js");
             const growing = new Growing();
             let last = [];
             let renewed = 0;
             for (let end = 1; end <= text.length; end++) {
               const nodes = growing.nodes(text.slice(0, end));
               renewed = Math.max(renewed, nodes.filter((node, at) => node !== last[at]).length);
               last = nodes;
             }
             const box = document.createElement("div");
             const whole = document.createElement("div");
             box.append(...last);
             whole.append(...render(text));
             return [box.isEqualNode(whole), renewed];
           }""",
        sections,
    )
    assert same
    assert renewed <= 3
