"""The page of a study in a real browser: by keyboard, by touch, through a reload, with a server."""

import re
import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from test_pages import WIDTHS, browser  # noqa: F401 (a fixture)
from test_study_build import made_rows

from neuronbasis import study
from neuronbasis.study import answers, connections, server
from neuronbasis.study.serving import listening

pytestmark = pytest.mark.browser

OTHER = {"top": "bottom", "bottom": "top"}
HOUR = 3_600_000  # milliseconds
KEYS = {"top": "ArrowUp", "bottom": "ArrowDown"}


@pytest.fixture
def built(tmp_path):
    study.build(made_rows(1, points=7), tmp_path / "study", catches=1, practice=0)
    return tmp_path / "study"


@pytest.fixture
def practised(tmp_path):
    study.build(made_rows(1, points=7), tmp_path / "study", catches=1, practice=1)
    return tmp_path / "study"


@contextmanager
def serving(folder):
    """The real server in a thread; yields its address."""
    with listening("127.0.0.1", 0) as listener:
        running = connections.server(server.application(folder), most=50)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            running.should_exit = True
            thread.join()


@pytest.fixture
def visit(browser):  # noqa: F811
    """Open the page in a fresh profile; at the end nothing failed and no other site was asked."""
    opened = []

    def open_page(address, width="desktop", **options):
        context = browser.new_context(viewport=WIDTHS[width], accept_downloads=True, **options)
        page = context.new_page()
        faults = []
        allowed = (address.rsplit("/", 1)[0], "data:", "blob:")
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(allowed) else faults.append(r.url))
        page.goto(address)
        opened.append((context, faults))
        return page

    yield open_page
    for context, faults in opened:
        context.close()
        assert faults == []


def begin(page, number=7):
    if number is not None:
        page.fill("#participant", str(number))
    page.check("#agree")
    page.click("#start button")


def asked(page):
    """The id of the trial on the screen, once its rows are shown; None at the end."""
    page.wait_for_selector("body[data-open='true'], body[data-screen='done']")
    return page.evaluate("document.body.dataset.trial ?? null")


def answer_all(page, act, last=None, stop=10**6):
    """Answer trial by trial, as `act` does for an id; returns what was answered, in order."""
    given = []
    while len(given) < stop and (trial := asked(page)) not in (last, None):
        given.append((trial, act(trial)))
        last = trial
        page.wait_for_selector(f"body:not([data-trial='{trial}'])")
    return given


def by_key(page, choose):
    def act(trial):
        side = choose(trial)
        page.keyboard.press(KEYS[side])
        return side

    return act


def saved(page, button, folder):
    with page.expect_download() as download:
        page.click(button)
    assert re.fullmatch(r"(participant-\d+-[0-9a-f]{6}|study-\w+-kept)\.csv",
                        download.value.suggested_filename)  # fmt: skip
    folder.mkdir(exist_ok=True)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def rows_of(path, found):
    """The rows of a saved file, each of which must be whole and unchanged."""
    lines = path.read_text().split("\n")
    assert (lines[0], lines[-1]) == (answers.HEADER, "")
    return [answers.parse(line, found) for line in lines[1:-1]]


def test_a_whole_session_by_keyboard(visit, practised):
    found = study.load(practised)
    page = visit((practised / "index.html").as_uri())
    page.clock.install()
    page.reload()
    page.keyboard.press("ArrowUp")  # before the beginning: answers nothing
    begin(page)
    wrong = {trial.id for trial in found.of_kind("main")[::2]}
    slow = found.of_kind("main")[1].id

    def choose(trial):
        if trial == slow:
            page.clock.fast_forward(HOUR)
        return OTHER[found.right[trial]] if trial in wrong else found.right[trial]

    given = answer_all(page, by_key(page, choose))
    assert page.inner_text("#done h1") == "Thank you"
    rows = rows_of(saved(page, "#save", practised / "answers"), found)
    assert [(row.trial, row.answer) for row in rows] == given
    assert {t for t, side in given if side != found.right[t]} == wrong
    assert Counter(t for t, _ in given) == Counter(trial.id for trial in found.trials)
    assert found.by_id[given[0][0]].kind == "practice"
    assert [row.position for row in rows] == list(range(1, len(given) + 1))
    assert {row.participant for row in rows} == {7}
    assert {row.interruptions for row in rows} == {0}
    assert [row.trial for row in rows if row.milliseconds >= HOUR] == [slow]


def test_a_whole_session_by_touch_on_a_phone(visit, practised):
    found = study.load(practised)
    page = visit((practised / "index.html").as_uri(), "phone", has_touch=True, is_mobile=True)
    begin(page, 3)

    def tap(trial):
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        high = "document.documentElement.scrollHeight - document.documentElement.clientHeight"
        assert (page.evaluate(wide), page.evaluate(high)) == (0, 0)
        boxes = [page.locator(f"#{side}").bounding_box() for side in ("top", "bottom")]
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
        assert all(box["height"] > 100 and box["width"] > 300 for box in boxes)
        page.tap(f"#{found.right[trial]} img")
        return found.right[trial]

    given = answer_all(page, tap)
    rows = rows_of(saved(page, "#save", practised / "answers"), found)
    assert [(row.trial, row.answer) for row in rows] == given
    assert len(given) == len(found.trials)


def test_a_reload_and_a_pause_lose_and_repeat_nothing(visit, built):
    found = study.load(built)
    page = visit((built / "index.html").as_uri())
    begin(page)
    choose = found.right.get
    given = answer_all(page, by_key(page, choose), stop=2)
    interrupted = asked(page)
    page.reload()
    assert page.inner_text("#so-far") == f"Participant 7: 2 of {len(found.trials)} trials answered."
    early = rows_of(saved(page, "#save-so-far", built / "early"), found)
    assert [(row.trial, row.answer) for row in early] == given
    page.keyboard.press("ArrowUp")  # while paused: answers nothing
    page.click("#resume")
    assert asked(page) == interrupted
    page.keyboard.press("p")
    assert page.is_visible("#paused")
    assert not page.is_visible("#rows")
    page.keyboard.press("p")
    assert asked(page) == interrupted
    given += answer_all(page, by_key(page, choose))
    page.wait_for_selector("#save")  # the last answer is in
    page.reload()  # at the end too
    rows = rows_of(saved(page, "#save", built / "answers"), found)
    assert rows[:2] == early
    assert [(row.trial, row.answer) for row in rows] == given
    assert len(given) == len(found.trials)
    assert [r.trial for r in rows if r.interruptions] == [interrupted]
    assert [r.interruptions for r in rows if r.interruptions] == [2]


def test_the_next_participant_starts_anew_and_the_answers_before_are_kept(visit, built):
    found = study.load(built)
    page = visit((built / "index.html").as_uri())
    begin(page, 1)
    first = answer_all(page, by_key(page, found.right.get))
    assert page.is_disabled("#next")  # nothing is saved yet
    saved(page, "#save", built / "answers")
    page.click("#next")
    begin(page, 1)
    assert (
        page.inner_text("#problem") == "Number 1 has taken part in this browser: use another one."
    )
    begin(page, 2)
    asked(page)
    page.click("#pause")
    page.click("summary")
    page.click("#other")
    rows = rows_of(saved(page, "#save-kept", built / "kept"), found)
    assert [(row.participant, row.trial, row.answer) for row in rows] == [(1, *e) for e in first]


def test_two_windows_do_not_overwrite_each_other(visit, built):
    page = visit((built / "index.html").as_uri())
    second = page.context.new_page()
    second.goto(page.url)
    begin(page)
    second.wait_for_selector("#elsewhere:not([hidden])")


def test_an_illegal_number_does_not_begin(visit, built):
    page = visit((built / "index.html").as_uri() + "?participant=12")
    assert page.input_value("#participant") == "12"
    for number in ("", "0", "-3", "2.5", "1e9"):
        begin(page, number)
        assert page.is_visible("#welcome")


def test_a_demo_asks_for_no_number_and_tells_the_score(visit, tmp_path):
    folder = tmp_path / "demo"
    study.build(made_rows(1), folder, catches=0, practice=0, demo=True)
    (folder / "single.html").write_text(study.single_page(folder))
    for path in (folder / "pictures").iterdir():
        path.unlink()
    found = study.load(folder)
    page = visit((folder / "single.html").as_uri())
    page.click("#start button")
    wrong = next(t.id for t in found.trials if t.basis == "neuron")
    answer_all(
        page, by_key(page, lambda t: OTHER[found.right[t]] if t == wrong else found.right[t])
    )
    assert page.inner_text("#score") == (
        "You were right in 3 of 4 trials: principal components 2 of 2, neurons 1 of 2. "
        "Guessing is right in half of them."
    )


def test_with_the_server_every_answer_arrives_once_even_through_an_outage(visit, built):
    found = study.load(built)
    held, post = [], {"now": lambda route: held.append(route)}
    with serving(built) as address:
        page = visit(address)
        page.route("**/answers", lambda route: post["now"](route))
        begin(page, None)
        act = by_key(page, found.right.get)
        given = answer_all(page, act, stop=2)  # the first is on its way while the second is given
        post["now"] = lambda route: route.abort()
        held[0].continue_()
        given += answer_all(page, act, last=given[-1][0], stop=1)
        page.wait_for_selector("text=2 answers wait for the server.")
        post["now"] = lambda route: route.continue_()
        given += answer_all(page, act, last=given[-1][0])
        page.wait_for_selector("text=All your answers have arrived.")
        copy = rows_of(saved(page, "#save", built / "copy"), found)
    rows = rows_of(built / "answers" / server.COLLECTED, found)
    assert rows == copy
    assert [(row.trial, row.answer) for row in rows] == given
    assert {row.participant for row in rows} == {1}


REFUSED = "text=The server refused an answer (no such number)"


def refusing(visit, address):
    """The page at its first trial, every answer of which will be refused."""
    page = visit(address)
    page.route("**/answers", lambda route: route.fulfill(status=403, body="no such number"))
    begin(page, None)
    asked(page)
    return page


def test_an_answer_that_the_server_refuses_is_told(visit, built):
    with serving(built) as address:
        page = refusing(visit, address)
        page.keyboard.press("ArrowUp")
        page.wait_for_selector(REFUSED)
        page.keyboard.press("p")
        page.click("#resume")  # a pause does not take the message away
        asked(page)
        assert page.is_visible(REFUSED)


def test_a_picture_that_does_not_load_is_told_beside_what_the_server_said(visit, built):
    with serving(built) as address:
        page = refusing(visit, address)
        page.route("**/pictures/*", lambda route: route.abort())
        while page.is_hidden("#paused"):  # the next picture may be here already
            page.keyboard.press("ArrowUp")
            page.wait_for_selector("body[data-open='true'], #paused:not([hidden])")
        page.wait_for_selector(REFUSED)
        assert page.is_visible("text=A picture did not load")
