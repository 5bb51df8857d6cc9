"""Time and memory of recording SqueezeNet's Fire modules over ImageNet's sample images.

The expand convolutions of all eight Fire modules, before their ReLU, one random position an image.
Recording and bare forward passes of the same hundred images take turns, so that a busy machine
slows both alike, and the processor's time is told beside the clock's. Then peak memory over a
number of images and ten times as many, written to a folder and kept in memory, each in a process
of its own (Linux). Usage:

    python benchmarks/recording.py [images] [images for memory]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from neuronbasis import recording

DATA = Path(os.environ["NEURONBASIS_DATA"])
FIRES = (3, 4, 5, 7, 8, 9, 10, 12)
LAYERS = {
    f"fire{i}": [f"features.{fire}.expand1x1", f"features.{fire}.expand3x3"]
    for i, fire in enumerate(FIRES, 2)
}
BATCH, TURN = 25, 100
SMALL = 96  # pixels: memory needs many images, not large ones
TIMES_BARE, FLAT_MB = 1.15, 10


class Photographs:
    """The sample images as SqueezeNet takes them, read when asked for, over and over."""

    def __init__(self, count: int, size: int = 224) -> None:
        self.files = sorted((DATA / "imagenet_samples").glob("*.jpg"))
        self.count = count
        self.transform = v2.Compose(
            [
                v2.CenterCrop(size),
                v2.PILToTensor(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Tensor:
        with Image.open(self.files[i % len(self.files)]) as picture:
            return self.transform(picture)


def squeezenet() -> torch.nn.Module:
    model = torchvision.models.squeezenet1_0(weights=None)
    model.load_state_dict(torch.load(DATA / "squeezenet1_0_imagenet.pt", weights_only=True))
    return model.eval()


def bare(model: torch.nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        for batch in images.split(BATCH):
            model(batch)


def seconds(call, *args) -> tuple[float, float]:
    """Of the clock, and of the processor."""
    start = time.perf_counter(), time.process_time()
    call(*args)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def report_time(count: int) -> None:
    photographs, model = Photographs(count), squeezenet()
    images = torch.stack([photographs[i] for i in range(count)])

    def record(_: torch.nn.Module, part: Tensor) -> None:
        recording.record(model, LAYERS, part, batch=BATCH, progress=False)

    bare(model, images[:BATCH])
    record(model, images[:BATCH])
    turns = [
        (seconds(bare, model, part), seconds(record, model, part)) for part in images.split(TURN)
    ]
    print(f"{count} images of 224x224, {torch.get_num_threads()} threads, {len(LAYERS)} layers")
    for kind, name in enumerate(("clock", "processor")):
        base, whole = (sum(turn[which][kind] for turn in turns) for which in (0, 1))
        ratios = ", ".join(f"{turn[1][kind] / turn[0][kind]:.3f}" for turn in turns)
        holds = whole <= TIMES_BARE * base
        print(f"  {name}: bare {base:.2f} s, recording {whole:.2f} s")
        print(f"    recording / bare = {whole / base:.3f} (at most {TIMES_BARE}): {holds}")
        print(f"    turn by turn: {ratios}")


def peak_of(count: int, where: str) -> None:
    """Print the peak resident memory of this process, in MB, once it has recorded."""
    model, photographs = squeezenet(), Photographs(count, SMALL)
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "recording" if where == "folder" else None
        recording.record(model, LAYERS, photographs, batch=BATCH, to=to, progress=False)
    # Not getrusage, whose peak a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    print(int(line.split()[1]) / 1024)


def report_memory(count: int) -> None:
    # The allocator takes four batches or so to settle, in bare forward passes as well.
    print(f"peak resident memory over {count} and {10 * count} images of {SMALL}x{SMALL}")
    for where in ("folder", "memory"):
        peaks = []
        for images in (count, 10 * count):
            command = [sys.executable, __file__, "peak", str(images), where]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks.append(float(answer.stdout))
        result = 9 * count * 2560 * 4 / 2**20 if where == "memory" else 0.0
        grown = peaks[1] - peaks[0] - result
        print(f"  {where}: {peaks[0]:.0f} MB, {peaks[1]:.0f} MB", end="")
        print(f" ({result:.0f} MB of it the longer result)" if result else "", end="")
        print(f"; grown by {grown:.0f} MB (at most {FLAT_MB}): {grown <= FLAT_MB}")


def main() -> None:
    if sys.argv[1:2] == ["peak"]:
        peak_of(int(sys.argv[2]), sys.argv[3])
        return
    counts = [int(each) for each in sys.argv[1:]] + [500, 125][len(sys.argv[1:]) :]
    report_time(counts[0])
    report_memory(counts[1])


if __name__ == "__main__":
    main()
