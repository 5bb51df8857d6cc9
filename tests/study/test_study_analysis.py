"""From CSV files to accuracies: what counts, what is left out and why, what is found again."""

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import gee
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from test_study_build import made_rows
from typer.testing import CliRunner

from neuronbasis import study
from neuronbasis.errors import UserError
from neuronbasis.study import answers, trials
from neuronbasis.study.answers import Answer
from neuronbasis.study.contrasts import contrast
from neuronbasis.workflow import cli

OTHER = {"top": "bottom", "bottom": "top"}


@pytest.fixture
def built(tmp_path):
    study.build(made_rows(4), tmp_path / "study", catches=4, practice=1)
    return tmp_path / "study"


def session(found, number, right=lambda trial: True, **changes):
    """All answers of one participant, right where said."""
    return [
        Answer(**{
            "study": found.id, "participant": number, "session": f"{number:016x}",
            "trial": trial.id, "position": place + 1,
            "answer": found.right[trial.id] if right(trial) else OTHER[found.right[trial.id]],
            "milliseconds": 1000 + number, "interruptions": 0, "time": "2026-01-02T03:04:05Z",
            **changes,
        })
        for place, trial in enumerate(found.trials)
    ]  # fmt: skip


def write(folder, name, *lines):
    (folder / "answers").mkdir(exist_ok=True)
    lines = [each.line() if isinstance(each, Answer) else each for each in lines]
    (folder / "answers" / name).write_text("\n".join([answers.HEADER, *lines, ""]))


def reasons(folder):
    return [str(each) for each in study.analyse(folder).left_out]


# ---- what is found again -----------------------------------------------------------------------


def test_a_planted_difference_is_found_again(tmp_path):
    """Simulated: 0.9 against 0.65, and random like neurons; two layers."""
    study.build(made_rows(20, bases=("pc", "neuron", "random")), tmp_path / "s", seed=1)
    planted = {"pc": 0.9, "neuron": 0.65, "random": 0.65}
    study.simulate(tmp_path / "s", planted, participants=40, seed=2, spread=0.1)
    result = study.analyse(tmp_path / "s")
    assert result.simulated
    assert "simulated participants, NO PEOPLE" in result.report()[0]
    over_all = {(c.first, c.second): c for c in result.contrasts if c.layer is None}
    assert list(over_all) == [("pc", "neuron"), ("pc", "random"), ("neuron", "random")]
    for pair, each in over_all.items():
        truth = planted[pair[0]] - planted[pair[1]]
        assert each.low < truth < each.high
        assert each.high - each.low < 0.12
        assert each.wide_low <= each.low < each.high <= each.wide_high
        assert (each.wide_p_value <= 0.05) == (not each.wide_low <= 0 <= each.wide_high)
        assert each.wide_p_value >= each.p_value
    odds = np.log(0.9 / 0.1) - np.log(0.65 / 0.35)
    assert over_all["pc", "neuron"].log_odds_low < odds < over_all["pc", "neuron"].log_odds_high
    assert over_all["pc", "neuron"].p_value < 1e-6
    assert over_all["neuron", "random"].p_value > 0.01


def test_intervals_cover_and_no_difference_is_seldom_found(tmp_path):
    """Simulated: 25 studies without a difference; at 5% more than 4 is a chance of 0.7%."""
    built, found = tmp_path / "s", 0
    study.build(made_rows(8, layers=("a",)), built, catches=0, practice=0)
    for seed in range(25):
        study.simulate(built, {"pc": 0.7, "neuron": 0.7}, participants=8, seed=seed, spread=0.2)
        (each, *_) = study.analyse(built).contrasts
        found += each.p_value < 0.05
        assert (each.p_value < 0.05) == (not each.low <= 0 <= each.high)
    assert found <= 4


def test_accuracies_and_errors_are_those_of_a_plain_count(built):
    """Against a literal twin over the simulated rows."""
    study.simulate(built, {"pc": 0.8, "neuron": 0.6}, participants=9, seed=5)
    result = study.analyse(built)
    shares = defaultdict(lambda: defaultdict(list))
    times = defaultdict(lambda: defaultdict(list))
    out = {each.participant for each in result.excluded}
    for line in (built / "answers" / "simulated.csv").read_text().splitlines()[1:]:
        answer = answers.parse(line, result.study)
        trial = result.study.by_id[answer.trial]
        if trial.kind == "main" and answer.participant not in out:
            cell = trial.layer, trial.basis
            right = answer.answer == result.study.right[trial.id]
            shares[cell][answer.participant].append(right)
            times[cell][answer.participant].append(answer.milliseconds)
    assert len(shares) == 4
    for (layer, basis), people in shares.items():
        cell = result.table.sel(layer=layer, basis=basis)
        means = [np.mean(each) for each in people.values()]
        assert int(cell["participants"]) == len(means)
        assert float(cell["accuracy"]) == pytest.approx(np.mean(means))
        assert float(cell["standard_error"]) == pytest.approx(stats.sem(means))
        medians = [np.median(each) for each in times[layer, basis].values()]
        assert float(cell["response_time"]) == pytest.approx(np.mean(medians))
        assert float(cell["response_time_error"]) == pytest.approx(stats.sem(medians))


def test_the_model_is_a_paired_test_where_everybody_answers_everything(built):
    study.simulate(built, {"pc": 0.8, "neuron": 0.6}, participants=40, seed=5, spread=0.4)
    result = study.analyse(built)
    each = result.contrasts[0]
    paired = result.scores.mean("layer")
    differences = (paired.sel(basis="pc") - paired.sel(basis="neuron")).values
    assert each.difference == pytest.approx(differences.mean())
    expected = stats.ttest_1samp(differences, 0)
    assert (each.low, each.high) == pytest.approx(tuple(expected.confidence_interval()), rel=0.02)
    assert each.p_value == pytest.approx(expected.pvalue, rel=0.1)


def test_the_logistic_model_is_that_of_the_formula_interface(built):
    study.simulate(built, {"pc": 0.8, "neuron": 0.6}, participants=9, seed=5)
    result = study.analyse(built)
    trial = result.study.by_id
    content = {
        "right": [float(a.answer == result.study.right[a.trial]) for a in result.used],
        "pc": [float(trial[a.trial].basis == "pc") for a in result.used],
        "layer": [trial[a.trial].layer for a in result.used],
        "who": [a.participant for a in result.used],
    }
    data = pd.DataFrame(content)
    fitted = gee("right ~ pc + layer", "who", data, cov_struct=Independence(), family=Binomial())
    fitted = fitted.fit(cov_type="bias_reduced")
    each = result.contrasts[0]
    assert each.log_odds == pytest.approx(fitted.params["pc"], abs=1e-6)
    reach = stats.t.ppf(0.975, each.participants - 1) * fitted.bse["pc"]
    assert each.log_odds_high - each.log_odds == pytest.approx(reach, abs=1e-6)


def test_odds_without_end_are_not_told_as_numbers(built):
    found = study.load(built)
    write(built, "a.csv", *session(found, 1), *session(found, 2, lambda t: t.basis != "neuron"))
    each = study.analyse(built).contrasts[0]
    assert each.difference == pytest.approx(0.5)
    assert (each.log_odds, each.log_odds_low, each.log_odds_high) == (None, None, None)


@pytest.mark.parametrize("people", [2, 3, 5])
@pytest.mark.parametrize("basis", ["neuron", "pc", "none"])
def test_few_people_who_agree_show_no_difference(built, people, basis):
    """All are wrong along one kind of vector and right along the other, or right along both."""
    found = study.load(built)
    agreed = [session(found, n + 1, lambda t: t.basis != basis) for n in range(people)]
    write(built, "a.csv", *(answer for each in agreed for answer in each))
    result = study.analyse(built)
    for each in result.contrasts:
        assert (each.low, each.high) == (-1, 1)
        assert each.p_value == (1 if basis == "none" else pytest.approx(2 / 2**people))
        assert (each.log_odds_low, each.log_odds_high) == (None, None)
        assert str(each).endswith("; fewer than 6 participants can show no difference)")


def test_six_who_agree_show_one_with_an_interval_of_some_width(built):
    found = study.load(built)
    people = [session(found, n + 1, lambda t: t.basis != "neuron") for n in range(6)]
    write(built, "a.csv", *(answer for each in people for answer in each))
    each = study.analyse(built).contrasts[0]
    assert (each.difference, each.high) == (1, 1)
    assert 0.5 < each.low < 0.99
    assert each.p_value == 2 / 2**6
    assert "p=0.031 for these vectors" in str(each)


def test_where_all_are_right_there_is_no_difference_and_some_doubt(built):
    found = study.load(built)
    people = [session(found, n + 1) for n in range(8)]
    write(built, "a.csv", *(answer for each in people for answer in each))
    each = study.analyse(built).contrasts[0]
    assert (each.difference, each.p_value) == (0, 1)
    assert -0.3 < each.low < -0.01 < 0.01 < each.high < 0.3


def test_who_never_answered_both_kinds_in_one_layer_does_not_count(built):
    """He answered principal components in one layer and neurons in the other."""
    found = study.load(built)
    first = found.layers[0]
    odd = session(found, 1, lambda t: t.basis == "pc")
    used = [a for n in (2, 3, 4) for a in session(found, n)]
    used += [
        a
        for a in odd
        if (found.by_id[a.trial].basis == "pc") == (found.by_id[a.trial].layer == first)
    ]
    main = {trial.id for trial in found.of_kind("main")}
    each = contrast(found, [a for a in used if a.trial in main], "pc", "neuron")
    assert (each.participants, each.difference) == (3, 0)
    assert contrast(found, [], "pc", "neuron") is None


def test_few_vectors_make_no_wide_interval(tmp_path):
    study.build(made_rows(1, layers=("a", "b")), tmp_path / "s")
    study.simulate(tmp_path / "s", {"pc": 0.8, "neuron": 0.6}, seed=1)
    each = study.analyse(tmp_path / "s").contrasts[0]
    assert (each.wide_low, each.wide_high, each.wide_p_value) == (None, None, None)


# ---- the rule ----------------------------------------------------------------------------------


def test_who_does_not_attend_is_excluded_by_the_rule_and_named(built):
    found = study.load(built)
    catches = [trial.id for trial in found.of_kind("catch")]
    write(built, "good.csv", *session(found, 1), *session(found, 2))
    write(built, "careless.csv", *session(found, 3, lambda t: t.id != catches[0]))
    brief = session(found, 4)
    need = [a for a in brief if found.by_id[a.trial].kind != "practice"][:15]
    write(built, "brief.csv", *need)
    result = study.analyse(built)
    assert [(each.participant, each.reason) for each in result.excluded] == [
        (3, "3 of 4 catch trials right; the rule asks for 85%"),
        (4, "15 of 20 trials answered; the rule asks for 80%"),
    ]
    assert {answer.participant for answer in result.used} == {1, 2}
    assert result.guessers_pass == pytest.approx(1 / 16)


def test_exactly_the_share_that_the_rule_asks_for_is_enough(tmp_path):
    """0.7 of 10 is 7, though 0.7 * 10 is a little more in floats."""
    study.build(made_rows(1), tmp_path / "s", catches=10, catch_pass=0.7)
    found = study.load(tmp_path / "s")
    catches = [trial.id for trial in found.of_kind("catch")]
    seven = session(found, 1, lambda t: t.id not in catches[:3])
    six = session(found, 2, lambda t: t.id not in catches[:4])
    write(tmp_path / "s", "a.csv", *seven, *six, *session(found, 3))
    result = study.analyse(tmp_path / "s")
    assert [each.participant for each in result.excluded] == [2]
    assert result.guessers_pass == pytest.approx(stats.binom.sf(6, 10, 0.5))


def test_inattentive_simulated_participants_are_excluded(tmp_path):
    study.build(made_rows(4), tmp_path / "s", catches=20)
    planted = {"pc": 0.9, "neuron": 0.7}
    study.simulate(tmp_path / "s", planted, 12, seed=3, inattentive=4)
    excluded = study.analyse(tmp_path / "s").excluded
    assert [each.participant for each in excluded] == [9, 10, 11, 12]


def test_interrupted_trials_count_for_accuracy_but_not_for_times(built):
    found = study.load(built)
    slow = session(found, 1, milliseconds=90_000, interruptions=1)
    write(built, "a.csv", *slow, *session(found, 2), *session(found, 3))
    table = study.analyse(built).table
    assert (table["participants"] == 3).all()
    assert (table["response_time"] == 1002.5).all()


# ---- what is left out --------------------------------------------------------------------------


def test_every_row_that_does_not_count_is_named_with_its_reason(built):
    found = study.load(built)
    lines = [each.line() for each in session(found, 1)]
    cells = lines[3].split(",")
    write(
        built, "a.csv", *session(found, 2), *session(found, 3), *lines[:2],
        lines[2].replace(",top,", ",bottom,") if ",top," in lines[2]
        else lines[2].replace(",bottom,", ",top,"),
        ",".join(cells[:5]),
        lines[4].replace(found.id, "0" * 12),
        "", "hello", 'x"y', lines[5] + ",", lines[6].replace("1001", "1e3"),
        ",".join(['"' + cell + '"' for cell in lines[7].split(",")]),
        "z" * 500,
    )  # fmt: skip
    start = 1 + 2 * len(found.trials)
    assert reasons(built) == [
        f"a.csv:{start + 3}: its check does not fit: changed after it was saved",
        f"a.csv:{start + 4}: 5 fields instead of 10: cut off, or no answer",
        f"a.csv:{start + 5}: of the study '000000000000', which is not {found.id}",
        f"a.csv:{start + 7}: 1 fields instead of 10: cut off, or no answer",
        f"a.csv:{start + 8}: 1 fields instead of 10: cut off, or no answer",
        f"a.csv:{start + 9}: 11 fields instead of 10: cut off, or no answer",
        f"a.csv:{start + 10}: milliseconds is '1e3', which no page writes",
        f"a.csv:{start + 12}: 500 bytes long: no answer",
    ]


def test_repeats_count_once_and_contradictions_not_at_all(built):
    found = study.load(built)
    rows = session(found, 1)
    other = Answer(**{**vars(rows[4]), "answer": OTHER[rows[4].answer]})
    write(built, "early.csv", *rows[:2])
    write(built, "late.csv", *rows, *session(found, 2))
    write(built, "more.csv", other)
    differ = f"session {rows[4].session} has rows for trial {other.trial} that differ: none counts"
    assert reasons(built) == [
        "late.csv:2: repeats early.csv:2",
        "late.csv:3: repeats early.csv:3",
        f"late.csv:6: {differ}",
        f"more.csv:2: {differ}",
    ]
    assert other.trial not in {a.trial for a in study.analyse(built).used if a.participant == 1}


def test_of_two_sessions_under_one_number_the_first_counts(built):
    found = study.load(built)
    later = session(found, 1, session="f" * 16, time="2026-01-03T00:00:00Z")
    write(built, "a.csv", *later)
    write(built, "b.csv", *session(found, 1), *session(found, 2))
    result = study.analyse(built)
    assert {answer.session for answer in result.used} == {f"{1:016x}", f"{2:016x}"}
    assert Counter(str(each).partition(": ")[2] for each in result.left_out) == {
        "participant 1 has an earlier session, which counts": len(later)
    }


def test_files_of_spreadsheets_and_of_windows_are_read(built):
    found = study.load(built)
    lines = [answers.HEADER, *(a.line() for n in (1, 2) for a in session(found, n)), ""]
    (built / "answers" / "deep").mkdir(parents=True)
    content = "\ufeff" + "\r\n".join(lines)
    (built / "answers" / "deep" / "a.csv").write_bytes(content.encode())
    assert reasons(built) == []


def test_saved_files_count_whatever_their_ending_s_letters_and_hidden_ones_do_not(built):
    found = study.load(built)
    lines = [*session(found, 1)]
    write(built, "A.CSV", *lines)
    for hidden in ("._A.CSV", "__MACOSX/A.csv", ".Trash/b.csv"):
        (built / "answers" / hidden).parent.mkdir(exist_ok=True)
        (built / "answers" / hidden).write_bytes(b"\x00\x05\x16\x07")
    kept, left_out = answers.read(built / "answers", found)
    assert (len(kept), left_out) == (len(lines), [])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_changed_character_is_always_noticed(tmp_path_factory, data):
    found = _FOUND.get("study") or _FOUND.setdefault("study", _some_study(tmp_path_factory))
    line = session(found, 12)[3].line()
    place = data.draw(st.integers(0, len(line) - 1))
    new = data.draw(st.characters(codec="utf-8").filter(lambda c: c != line[place]))
    with pytest.raises(UserError) as caught:
        answers.parse(line[:place] + new + line[place + 1 :], found)
    assert "\n" not in str(caught.value)
    assert answers.parse(line, found) == session(found, 12)[3]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_files_of_noise_are_reported_row_by_row(tmp_path_factory, noise):
    found = _FOUND.get("study") or _FOUND.setdefault("study", _some_study(tmp_path_factory))
    folder = tmp_path_factory.mktemp("noise")
    (folder / "n.csv").write_bytes(noise)
    kept, left_out = answers.read(folder, found)
    rows = [line.removesuffix(b"\r") for line in noise.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    assert kept == []
    assert [each.line for each in left_out] == [i for i, row in enumerate(rows, 1) if row]


_FOUND: dict = {}


def _some_study(factory):
    folder = factory.mktemp("some") / "s"
    study.build(made_rows(1), folder)
    return study.load(folder)


def test_the_command_tells_what_was_found_and_what_was_left_out(built):
    study.simulate(built, {"pc": 0.9, "neuron": 0.6}, participants=9, seed=5, inattentive=1)
    with (built / "answers" / "simulated.csv").open("a") as file:
        file.write("rubbish\n")
    said = CliRunner().invoke(cli.app, ["study", "analyse", str(built)], catch_exceptions=False)
    result = study.analyse(built)
    assert said.output.splitlines() == result.report()
    cell = result.table.sel(layer="fc1", basis="pc")
    for line in (
        f"fc1 pc: right in {float(cell['accuracy']):.1%}, standard error "
        f"{float(cell['standard_error']):.1%}, n={int(cell['participants'])}",
        str(result.contrasts[0]),
        f"left out: participant 9: {result.excluded[-1].reason}",
        f"left out: {result.left_out[0]}",
    ):
        assert line in result.report()


def test_of_one_participant_in_a_layer_no_standard_error_is_told(tmp_path):
    layers = [f"fc{k}" for k in range(6)]  # one of so many may be missing
    study.build(made_rows(4, layers=layers), tmp_path / "s", catches=4, practice=1)
    found = trials.load(tmp_path / "s")
    alone = {trial.id for trial in found.of_kind("main") if trial.layer == "fc2"}
    first, second = session(found, 1), session(found, 2)
    write(tmp_path / "s", "a.csv", *first, *(each for each in second if each.trial not in alone))
    said = [line for line in study.analyse(tmp_path / "s").report() if line.startswith("fc2")]
    assert said
    assert all(line.endswith("right in 100.0%, n=1") for line in said[:2])
    assert "nan" not in " ".join(study.analyse(tmp_path / "s").report())


# ---- what is refused ---------------------------------------------------------------------------


def test_people_and_simulated_ones_do_not_mix(built):
    study.simulate(built, {"pc": 1, "neuron": 1})
    write(built, "people.csv", *session(study.load(built), 30))
    with pytest.raises(UserError, match="answers of people and simulated ones; keep them apart"):
        study.analyse(built)


def test_too_little_is_refused(built):
    with pytest.raises(UserError, match="answers: no such folder; put the saved CSV files there"):
        study.analyse(built)
    (built / "answers").mkdir()
    with pytest.raises(UserError, match="holds no CSV file"):
        study.analyse(built)
    write(built, "a.csv")
    with pytest.raises(UserError, match="no answers yet; serve the study, or put saved CSV"):
        study.analyse(built)
    write(built, "a.csv", "rubbish")
    with pytest.raises(UserError, match=r"no row counts; the first one: a\.csv:2: 1 fields"):
        study.analyse(built)
    found = study.load(built)
    write(built, "a.csv", *session(found, 1), *session(found, 2, lambda t: t.kind == "main"))
    with pytest.raises(
        UserError, match="fewer than 2 participants count; the first left out: 0 of"
    ):
        study.analyse(built)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"accuracy": {"pc": 0.9}}, "accuracy of neuron is None; it must be a number in"),
        ({"accuracy": {"pc": 0.9, "neuron": 1.1}}, "accuracy of neuron is 1.1"),
        ({"participants": 0}, "participants is 0"),
        ({"inattentive": 23}, "inattentive is 23; there are only 22 participants"),
        ({"spread": -0.1}, "spread is -0.1"),
        ({"seed": None}, "seed is None"),
    ],
)
def test_bad_simulations_are_refused(built, settings_, message):
    with pytest.raises(UserError, match=message):
        study.simulate(built, **{"accuracy": {"pc": 0.9, "neuron": 0.5}, **settings_})


def test_simulated_answers_have_the_same_bytes_for_the_same_seed(built):
    planted = {"pc": 0.9, "neuron": 0.6}
    first, again, other = (
        study.simulate(built, planted, seed=seed, spread=0.1).read_bytes() for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first.count(b"simulated-") == 22 * len(study.load(built).trials)
