import nbformat
import numpy as np
import pytest

from neuronbasis import records
from neuronbasis.errors import UserError
from neuronbasis.records import Parameter


def notebook(*cells, tags=("parameters",)):
    made = [nbformat.v4.new_code_cell(text, metadata={"tags": list(tags)}) for text in cells]
    return nbformat.v4.new_notebook(cells=made)


CELL = """\
# How long
epochs: int = 100  # passes over the images, in [1, 1000]
rate: float = 0.08  # step, in (0, inf)
size: str = "small"  # one of small, large
bias: bool = True
folder: str = "a#b"  # where
"""


def test_reads_types_defaults_help_and_ranges():
    # the hash inside the text is no comment
    epochs, rate, size, bias, folder = records.declared(notebook(CELL), "example")
    assert epochs == Parameter("epochs", int, 100, "passes over the images", "in [1, 1000]")
    assert rate == Parameter("rate", float, 0.08, "step", "in (0, inf)")
    assert size == Parameter("size", str, "small", "", "one of small, large")
    assert bias == Parameter("bias", bool, True, "")
    assert folder == Parameter("folder", str, "a#b", "where")


@pytest.mark.parametrize(
    ("name", "given", "parsed"),
    [
        ("epochs", "3", 3),
        ("epochs", 3.0, 3),
        ("epochs", "1e2", 100),
        ("epochs", "1000.0", 1000),
        ("epochs", "1E+2", 100),
        ("epochs", " 7 ", 7),
        ("epochs", np.int64(7), 7),
        ("epochs", 1, 1),
        ("epochs", 1000, 1000),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("size", "large", "large"),
        ("bias", "false", False),
        ("bias", "Yes", True),
        ("bias", " true ", True),
        ("bias", np.bool_(False), False),
    ],
)
def test_legal_values_become_the_type(name, given, parsed):
    declared = records.declared(notebook(CELL), "example")
    value = records.validated(declared, {name: given}, "example")[name]
    assert value == parsed
    assert type(value) is type(parsed)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("epochs", "many", "epochs is 'many'; it must be a whole number in [1, 1000]"),
        ("epochs", 2.5, "epochs is 2.5; it must be a whole number in [1, 1000]"),
        ("epochs", True, "epochs is True; it must be a whole number in [1, 1000]"),
        ("epochs", 0, "epochs is 0; it must be a whole number in [1, 1000]"),
        ("epochs", 1001, "epochs is 1001; it must be a whole number in [1, 1000]"),
        ("epochs", "inf", "epochs is 'inf'; it must be a whole number in [1, 1000]"),
        ("epochs", "2.50", "epochs is '2.50'; it must be a whole number in [1, 1000]"),
        ("epochs", "1e-3", "epochs is '1e-3'; it must be a whole number in [1, 1000]"),
        ("epochs", "1e99999999", "epochs is '1e99999999'; it must be a whole number in [1, 1000]"),
        ("epochs", "", "epochs is ''; it must be a whole number in [1, 1000]"),
        ("epochs", [1], "epochs is [1]; it must be a whole number in [1, 1000]"),
        pytest.param(
            *("rate", 10**400, f"rate is {10**400}; it must be a number in (0, inf)"), id="huge"
        ),
        ("rate", 0, "rate is 0; it must be a number in (0, inf)"),
        ("rate", "nan", "rate is 'nan'; it must be a number in (0, inf)"),
        ("size", "Small", "size is 'Small'; it must be text one of small, large"),
        ("size", 3, "size is 3; it must be text one of small, large"),
        ("bias", "maybe", "bias is 'maybe'; it must be true or false"),
    ],
)
def test_illegal_values_are_refused(name, given, message):
    declared = records.declared(notebook(CELL), "example")
    with pytest.raises(UserError) as refused:
        records.validated(declared, {name: given}, "example")
    assert str(refused.value) == message


def test_unknown_parameter_lists_the_right_ones():
    declared = records.declared(notebook(CELL), "example")
    with pytest.raises(UserError) as refused:
        records.validated(declared, {"epoch": 3}, "example")
    assert str(refused.value) == (
        "notebook example has no parameter 'epoch': it has epochs, rate, size, bias, folder; "
        "did you mean epochs?"
    )


@pytest.mark.parametrize(
    "line",
    [
        "epochs = 3",
        "epochs: int",
        "epochs: list = []",
        "epochs: int = len([])",
        "print(3)",
        "a: int = 1; b: int = 2",
    ],
)
def test_a_line_that_papermill_would_not_understand_is_refused(line):
    with pytest.raises(UserError, match=r"must read name: type = default  # help"):
        records.declared(notebook(line), "example")


def test_a_default_outside_its_own_range_is_refused():
    with pytest.raises(UserError, match=r"epochs is 0; it must be a whole number in \[1, 9\]"):
        records.declared(notebook("epochs: int = 0  # passes, in [1, 9]"), "example")


@pytest.mark.parametrize("cells", [(), (CELL, CELL)])
def test_exactly_one_parameters_cell(cells):
    with pytest.raises(UserError, match=f"{len(cells)} cells tagged parameters; there must be one"):
        records.declared(notebook(*cells), "example")
