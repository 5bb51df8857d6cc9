"""What is no plain array of values is refused in one line that says how to make it one."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
import xarray as xr

from neuronbasis import decomposition, spotlight
from neuronbasis.basis import Basis, standard
from neuronbasis.datasets import read_matrix
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain

ROWS = torch.eye(3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: ROWS.to_sparse(), r"layout torch.sparse_coo: pass vectors.to_dense\(\)"),
        (lambda: ROWS.to_sparse_csr(), r"layout torch.sparse_csr: pass vectors.to_dense\(\)"),
        (
            lambda: torch.quantize_per_tensor(ROWS, 0.1, 0, torch.qint8),
            r"quantised .*dequantize\(\)",
        ),
        (lambda: torch.empty(3, 3, device="meta"), "on the device meta, without values"),
        (lambda: torch.nested.nested_tensor([ROWS[0], ROWS[1]]), "nested tensor: pass"),
        (
            lambda: scipy.sparse.csr_array(ROWS.numpy()),
            r"sparse csr_array; pass vectors.toarray\(\)",
        ),
        (lambda: [[1.0, 2.0], [3.0]], "different lengths|differ in length"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_plain_array_is_refused(made, said):
    values = made()
    for asked in (lambda: plain(values, "vectors"), lambda: Basis(values)):
        with pytest.raises(UserError, match=said) as error:
            asked()
        assert "\n" not in str(error.value)
    # Activations are streamed, and told by their own name.
    with pytest.raises(UserError, match=said.replace("vectors", "activations") + "|unequal"):
        decomposition.moments(values)


def test_a_table_and_its_columns_are_their_numbers():
    numbers = np.arange(12.0).reshape(6, 2) ** 2
    table = pd.DataFrame(numbers, index=range(5, 11)).astype("Float64")
    wanted = decomposition.moments(numbers).covariance
    assert np.array_equal(decomposition.moments(table.astype(float)).covariance, wanted)
    column = table[0]
    with pytest.raises(UserError, match=r"shape \(6,\); it must be \(samples, n\)"):
        decomposition.moments(column)


def test_a_transposed_recording_is_told():
    rows = np.random.default_rng(0).standard_normal((7, 7))
    recorded = xr.DataArray(rows, dims=("sample", "unit"))
    spotlight.resonance(recorded, standard(7), epsilon=0.5)
    for asked in (
        lambda: spotlight.resonance(recorded.T, standard(7), epsilon=0.5),
        lambda: decomposition.principal(recorded.T),
        lambda: spotlight.by_class(recorded.T, np.arange(7) % 2, standard(7), 0.5),
    ):
        with pytest.raises(UserError, match=r"axes \('unit', 'sample'\): pass activations.T"):
            asked()


def test_a_tensor_that_torch_only_marks_as_negated_is_its_numbers():
    negated = torch.tensor([1 + 2j]).conj().imag
    assert negated.is_neg()
    assert plain(negated, "x").tolist() == [-2]


def test_a_list_of_tensors_that_require_gradients_is_a_matrix():
    rows = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0])]
    assert plain(rows, "rows").tolist() == [[1, 2], [3, 4]]


def test_text_called_npy_and_a_file_of_torch_are_told(tmp_path):
    text, pickled = tmp_path / "text.npy", tmp_path / "torch.npz"
    text.write_text("1,2\n3,4\n")
    torch.save(torch.eye(2), pickled)
    with pytest.raises(UserError, match="its content is of another kind"):
        read_matrix(text)
    with pytest.raises(UserError, match=r"a file of torch\.save"):
        read_matrix(pickled)
    np.save(tmp_path / "right.npy", np.eye(2))
    assert read_matrix(tmp_path / "right.npy").shape == (2, 2)
