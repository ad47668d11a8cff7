"""web/engine/files.js and web/reader/http.js in Chromium, against servers with every fault."""

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts import files, retries
from py_engine.hosts.static import threaded
from tests import download_cases
from tests.browser.faulty import DATA, Faulty
from tests.download_cases import CASES, Case, Player

# Runs a body with `files` and two helpers; an error comes back as data.
_STORY = """async ({ url, given }) => {
  const { Files } = await import("./engine/files.js");
  const files = new Files();
  const hex = async (bytes) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const streamed = async (id, at, nbytes) => {
    const parts = [];
    await files.stream(id, at, nbytes, (bytes) => void parts.push(bytes.slice()));
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  };
  const opened = async (spec) => {
    const id = files.open(spec);
    return [id, await files.begin(id)];
  };
  try {
    BODY
  } catch ({ name, code, source, message, hint }) {
    return { name, code, source, message, hint };
  }
}"""


@pytest.fixture
def here(chromium: Browser, faulty: Faulty) -> Iterator[Page]:
    """A page of the faulty server's own origin."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(faulty.url)
    faulty.requests.clear()
    yield page
    context.close()


def story(page: Page, body: str, url: str = "", given: Any = None) -> Any:
    return page.evaluate(_STORY.replace("BODY", body), {"url": url, "given": given})


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# A header, three tensors with gaps, of odd lengths at odd places, then the tail.
PIECES = [(0, 24), (24, 70_001), (70_040, 1_000_003), (1_100_001, 999_999), (2_999_990, 27)]
HEADER_AND_PIECES = """
    const [id, size] = await opened(url);
    const head = await files.read(id, 0, 50000);
    const more = await files.read(id, 0, 70000);
    const hashes = [];
    for (const [at, nbytes] of given) hashes.push(await hex(await streamed(id, at, nbytes)));
    files.close(id);
    return { size, head: await hex(head), more: await hex(more), hashes };
"""


@pytest.mark.parametrize("kind", ["whole", "plain", "odd", "slow", "broken-once"])
def test_header_and_weights_arrive_in_one_pass(here: Page, faulty: Faulty, kind: str) -> None:
    got = story(here, HEADER_AND_PIECES, f"{faulty.url}{kind}/file", PIECES)
    assert got == {
        "size": len(DATA),
        "head": sha(DATA[:50000]),
        "more": sha(DATA[:70000]),
        "hashes": [sha(DATA[at : at + nbytes]) for at, nbytes in PIECES],
    }
    first, *resumed = [asked for _, asked in faulty.requests]
    assert first == "bytes=0-"
    assert len(resumed) == (kind == "broken-once")


@pytest.mark.parametrize("kind", ["whole", "plain"])
def test_a_step_back_and_a_far_leap_are_found(here: Page, faulty: Faulty, kind: str) -> None:
    places = [(2_000_001, 1001), (5, 1001), (2_900_003, 77), (1_000_000, 3)]
    body = """
      const [id] = await opened(url);
      const hashes = [];
      for (const [at, nbytes] of given) hashes.push(await hex(await streamed(id, at, nbytes)));
      for (const [at, nbytes] of given) hashes.push(await hex(await files.read(id, at, nbytes)));
      return hashes;
    """
    wanted = [sha(DATA[at : at + nbytes]) for at, nbytes in places]
    assert story(here, body, f"{faulty.url}{kind}/file", places) == wanted * 2
    ranges = {asked for _, asked in faulty.requests}
    assert (ranges == {"bytes=0-"}) == (kind == "plain")


def test_calls_that_overlap_take_turns(here: Page, faulty: Faulty) -> None:
    body = """
      const [id] = await opened(url);
      const all = given.map(([at, nbytes]) => streamed(id, at, nbytes));
      return Promise.all(all.map(async (bytes) => hex(await bytes)));
    """
    got = story(here, body, f"{faulty.url}odd/file", PIECES)
    assert got == [sha(DATA[at : at + nbytes]) for at, nbytes in PIECES]


@pytest.mark.parametrize("kind", ["endless", "whole", "plain"])
def test_a_model_may_have_more_files_than_a_host_gives_connections(
    here: Page, faulty: Faulty, kind: str
) -> None:
    """Chromium opens six, and a body that nobody reads holds one."""
    body = """
      const late = new Promise((resolve) => setTimeout(() => resolve("no connection"), 20_000));
      const all = async () => {
        const ids = [];
        for (let i = 0; i < 9; i++) ids.push((await opened(`${url}?${i}`))[0]);
        const hashes = [];
        for (const id of ids) hashes.push(await hex(await files.read(id, 0, 1000)));
        for (const id of ids) hashes.push(await hex(await streamed(id, 500, 3000017 - 500)));
        return hashes;
      };
      return Promise.race([late, all()]);
    """
    got = story(here, body, f"{faulty.url}{kind}/file")
    data = bytes(len(DATA)) if kind == "endless" else DATA
    assert got == [sha(data[:1000])] * 9 + [sha(data[500:])] * 9


def test_reading_ends_with_the_file(here: Page, faulty: Faulty) -> None:
    body = """
      const [id] = await opened(url);
      const tail = await files.read(id, 3000000, 1000);
      return [[...tail], (await files.read(id, 4000000, 10)).length];
    """
    assert story(here, body, f"{faulty.url}whole/file") == [list(DATA[3_000_000:]), 0]


@pytest.mark.parametrize("spec", ["file", "blob"])
def test_a_local_file_reads_and_streams(here: Page, spec: str) -> None:
    body = """
      const data = new Uint8Array(given.length).map((_, i) => i * 7);
      const blob = given.spec === "file" ? new File([data], "m.gguf") : new Blob([data]);
      const { blob: number } = files.add(blob);
      const [id, size] = await opened(number);
      const same = (bytes, at) => bytes.every((byte, i) => byte === data[at + i]);
      const [part, tail] = [await files.read(id, 3, 1001), await files.read(id, size - 5, 100)];
      const whole = await streamed(id, 1, size - 1);
      return [files.name(id), size, part.length, same(part, 3), tail.length, whole.length,
        same(whole, 1)];
    """
    got = story(here, body, given={"spec": spec, "length": 3_000_001})
    name = "m.gguf" if spec == "file" else "the given file"
    assert got == [name, 3_000_001, 1001, True, 5, 3_000_000, True]


def test_no_piece_of_a_local_file_is_waited_for_in_vain(here: Page, tmp_path: Path) -> None:
    """Of a thousand streams of a file's slices one never ended (Chromium 156, BYOB readers)."""
    piece, count = 4096, 5000
    file = tmp_path / "m.gguf"
    data = random.Random(0).randbytes(piece * count)
    file.write_bytes(data)
    here.evaluate("() => { document.body.innerHTML = '<input type=file>'; }")
    here.set_input_files("input", file)
    body = """
      const { blob: number } = files.add(document.querySelector("input").files[0]);
      const [id] = await opened(number);
      const parts = [];
      const all = async () => {
        for (let i = 0; i < given.count; i++) {
          parts.push(await streamed(id, i * given.piece, given.piece));
        }
        return hex(await new Blob(parts).arrayBuffer());
      };
      const late = new Promise((resolve) => setTimeout(() => resolve(parts.length), 40_000));
      return Promise.race([late, all()]);
    """
    assert story(here, body, given={"piece": piece, "count": count}) == sha(data)


def test_a_given_file_is_held_until_it_is_opened(here: Page) -> None:
    body = """
      const { blob: number } = files.add(new Blob(["GGUF"]));
      await opened(number);
      await opened(number);
    """
    assert "opened before" in story(here, body)["message"]


WHOLE = """
    const [id, size] = await opened(url);
    await files.read(id, 0, 1000);
    return await hex(await streamed(id, 500, (size ?? 3000017) - 500));
"""
FAULTS = {
    "missing": ("NOT_FOUND", "HTTP 404"),
    "gated": ("HTTP", "HTTP 401"),
    "html": ("HTML", "web page"),
    "short": ("TRUNCATED", "ends 2000017 bytes too early"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_has_its_code(here: Page, faulty: Faulty, kind: str) -> None:
    code, words = FAULTS[kind]
    url = f"{faulty.url}{kind}/file"
    error = story(here, WHOLE, f"{url}?token=secret")
    assert (error["name"], error["code"], error["source"]) == ("SourceError", code, url)
    assert words in error["message"]
    assert error["hint"].endswith(".")


@pytest.mark.parametrize(
    ("kind", "code"), [("wrong-range", "RANGE"), ("changed", "CHANGED"), ("grown", "CHANGED")]
)
def test_a_second_answer_must_fit_the_first(
    here: Page, faulty: Faulty, kind: str, code: str
) -> None:
    body = """
      const [id] = await opened(url);
      await streamed(id, 2000000, 10);
      await streamed(id, 1000, 10);
    """
    error = story(here, body, f"{faulty.url}{kind}/file")
    assert (error["name"], error["code"]) == ("SourceError", code)


def test_another_origin_must_allow_it(here: Page, faulty: Faulty) -> None:
    other = faulty.url.replace("127.0.0.1", "localhost")
    error = story(here, WHOLE, f"{other}refused/file")
    assert error["code"] == "NETWORK"
    assert "Access-Control-Allow-Origin" in error["hint"]
    assert story(here, WHOLE, f"{other}allowed/file") == sha(DATA[500:])
    assert story(here, "return (await opened(url))[1]", f"{other}allowed/file") == len(DATA)


def test_closing_ends_a_download_at_once(here: Page, faulty: Faulty) -> None:
    body = """
      const [id] = await opened(url);
      setTimeout(() => files.close(id), 50);
      return streamed(id, 0, 3000017).then(() => "all", (error) => error.name);
    """
    assert story(here, body, f"{faulty.url}slow/file") == "SourceError"


def test_what_a_sink_throws_ends_its_stream_alone(here: Page, faulty: Faulty) -> None:
    body = """
      const [id] = await opened(url);
      const failing = files.stream(id, 0, 2500000, () => { throw new Error("no room"); });
      const after = streamed(id, 2000000, 1000);
      return [await failing.catch((error) => error.message), await hex(await after)];
    """
    got = story(here, body, f"{faulty.url}whole/file")
    assert got == ["no room", sha(DATA[2_000_000:2_001_000])]


def test_no_more_is_read_than_the_sink_has_room_for(here: Page, faulty: Faulty) -> None:
    """Of a gigabyte that nobody takes only the buffers on its way are filled (here some 80 MB)."""
    body = """
      const [id] = await opened(url);
      let given = 0;
      const slow = async (bytes) => {
        given += bytes.length;
        if (given < 50e6) return;
        await new Promise((resolve) => setTimeout(resolve, 3000));
        throw new Error("enough");
      };
      return files.stream(id, 0, 2 ** 30, slow).catch((error) => [error.message, given]);
    """
    message, given = story(here, body, f"{faulty.url}endless/file")
    here.wait_for_timeout(1000)  # nor does it go on afterwards
    assert message == "enough"
    assert given < 52e6
    assert faulty.sent < 400e6


def test_a_thread_that_does_not_start_is_told(here: Page, faulty: Faulty) -> None:
    here.route("**/reader.js", lambda route: route.abort())
    for spec in ("url", "files.add(new Blob(['GGUF'])).blob"):
        error = story(here, f"return await opened({spec})", f"{faulty.url}whole/file")
        assert error["code"] == "NETWORK"
        assert "the thread that reads failed" in error["message"]


def test_closing_a_local_file_ends_its_streams(here: Page) -> None:
    body = """
      const [id] = await opened(files.add(new Blob([new Uint8Array(100e6)])).blob);
      let given = 0;
      const asked = [0, 1, 2, 3].map((i) => files.stream(id, i * 25e6, 25e6, (bytes) => {
        given += bytes.length;
        if (given === bytes.length) files.close(id);
      }));
      const ends = await Promise.allSettled(asked);
      return [given, ...ends.map(({ reason }) => reason?.name)];
    """
    given, *ends = story(here, body)
    assert given < 50e6
    assert ends[1:] == ["SourceError"] * 3


# ---- faults that may pass

DOWNLOAD = """
    const { UrlSource } = await import("./reader/http.js");
    const { POLICY } = await import("./reader/retries.js");
    const source = new UrlSource(url, "file", { ...POLICY, ...given });
    await source.begin();
    const parts = [];
    await source.stream(0, 1200000, (bytes) => void parts.push(bytes.slice()));
    source.close();
    return await hex(await new Blob(parts).arrayBuffer());
"""


WAITS = {
    "firstMs": 1000 * download_cases.FIRST_S,
    "mostMs": 1000 * download_cases.MOST_S,
    "stallMs": 1000 * download_cases.STALL_S,
}


def test_no_server_at_all(here: Page) -> None:
    error = story(here, DOWNLOAD, "http://127.0.0.1:9/file", WAITS)
    assert (error["name"], error["code"]) == ("SourceError", "NETWORK")


@pytest.mark.parametrize("name", CASES)
def test_a_download_meets_faults(here: Page, name: str) -> None:
    case = CASES[name]
    begin = time.monotonic()
    with threaded(Player(case)) as player:
        got = story(here, DOWNLOAD, player.url, WAITS)
    if case.code:
        assert got["code"] == case.code
        assert case.says in got["message"]
    else:
        assert got == sha(download_cases.DATA)
    assert len(player.asked) == case.requests
    assert case.least_s <= time.monotonic() - begin < case.most_s


def test_both_hosts_have_one_policy(here: Page) -> None:
    body = """
      const { SKIP_BYTES } = await import("./reader/http.js");
      const { PASSING, POLICY } = await import("./reader/retries.js");
      return { ...POLICY, passing: PASSING, skip: SKIP_BYTES };
    """
    policy = retries.POLICY
    assert story(here, body) == {
        "tries": policy.tries,
        "firstMs": 1000 * policy.first_s,
        "mostMs": 1000 * policy.most_s,
        "stallMs": 1000 * policy.stall_s,
        "passing": list(retries.PASSING),
        "skip": files.SKIP,
    }


@pytest.mark.parametrize("answer", ["503 after 60", "stall 700000", "stall"])
def test_closing_ends_a_wait_at_once(here: Page, answer: str) -> None:
    body = """
      const [id] = [files.open(url)];
      const asked = files.begin(id).then(() => streamed(id, 0, 1200000));
      const ended = asked.then(() => "all", (error) => error.name);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const begin = performance.now();
      files.close(id);
      return [await ended, performance.now() - begin];
    """
    with threaded(Player(Case([answer]))) as player:
        name, took = story(here, body, player.url)
    assert name == "SourceError"
    assert took < 1000


def test_offline_is_told_as_that(here: Page, faulty: Faulty) -> None:
    url = f"{faulty.url}plain/file"
    story(here, "globalThis.kept = files; await opened(url);", url)  # the code has arrived
    here.context.set_offline(True)
    error = story(here, "await kept.begin(kept.open(url));", url)
    here.context.set_offline(False)
    assert error["message"] == "this device is offline"
    assert "CORS" not in error["hint"]
