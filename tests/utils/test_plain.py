"""What is no plain array of values is refused in one line that says how to make it one."""

import numpy as np
import pytest
import scipy.sparse
import torch

from neuronbasis.basis import Basis
from neuronbasis.datasets import read_matrix
from neuronbasis.errors import UserError
from neuronbasis.utils.checks import plain

ROWS = torch.eye(3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: ROWS.to_sparse(), r"layout torch.sparse_coo; pass vectors.to_dense\(\)"),
        (lambda: ROWS.to_sparse_csr(), r"layout torch.sparse_csr; pass vectors.to_dense\(\)"),
        (
            lambda: torch.quantize_per_tensor(ROWS, 0.1, 0, torch.qint8),
            r"quantised .*dequantize\(\)",
        ),
        (lambda: torch.empty(3, 3, device="meta"), "on the device meta, without values"),
        (lambda: torch.nested.nested_tensor([ROWS[0], ROWS[1]]), "nested tensor; pass"),
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
