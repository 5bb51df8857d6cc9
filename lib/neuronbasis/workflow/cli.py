"""The command line: list the notebooks, run one, build the book."""

import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from neuronbasis.errors import UserError
from neuronbasis.study import cli as study_commands
from neuronbasis.utils import project
from neuronbasis.utils.typed import option

INTERRUPTED = 130

app = typer.Typer(
    help="Are neurons the right directions in which to read a network?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(study_commands.app, name="study")


@app.command("list")
def list_notebooks() -> None:
    """Show every notebook: how long it takes, its parameters, their types, defaults and ranges."""
    from neuronbasis import records
    from neuronbasis.workflow import build, run

    found, book = project.notebooks(), build.runs("book")
    for name in found:
        notebook = run.source(name)
        typer.echo(f"{name}: {_title(notebook)}")
        typer.echo(f"  {_duration(notebook, book.get(name, {}).get('seconds'))}")
        for p in records.declared(notebook, name):
            default = repr(p.default) if p.type is str else p.default
            legal = f" ({p.legal})" if p.legal else ""
            typer.echo(f"  {p.name}: {p.type.__name__} = {default}  {p.help}{legal}")
    typer.echo(f"{len(found)} notebooks in {project.source() / 'notebooks'}", err=True)


@app.command("run")
def run_notebook(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as `list` shows it.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value, once for each.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the result.")] = None,
    threads: Annotated[int, typer.Option(parser=option(1), help="Threads of the kernel.")] = 1,
    time_limit: Annotated[float | None, typer.Option(help="Seconds before giving up.")] = None,
) -> None:
    """Execute a notebook with other parameters; leave notebook and record in a folder."""
    from neuronbasis.workflow import run

    given = _pairs(parameter or [])
    typer.echo(f"running {notebook} ...", err=True)
    values: dict[str, Any] = {}
    try:
        folder = run.run(
            notebook, given, out, threads=threads, time_limit=time_limit, finish=_seen(values)
        )
    except run.NotebookError as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
    for name, value in values.items():
        typer.echo(f"{name} = {value}")
    typer.echo(f"notebook, record and curves: {folder}", err=True)


@app.command("report")
def report_on_activations(
    activations: Annotated[
        Path, typer.Argument(help=".npy, .npz or .safetensors; a row a sample.")
    ],
    basis: Annotated[
        str, typer.Option(help="standard, orthoplex, or a file of vectors, one a row.")
    ] = "standard",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value of the notebook own_activations."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the result.")] = None,
) -> None:
    """Say whether activations of yours align with a basis, in one page."""
    from neuronbasis.workflow import report

    given = _pairs(parameter or [])
    typer.echo(f"measuring {activations} ...", err=True)
    for line in report.forecast(activations, basis, given):
        typer.echo(f"  {line}", err=True)
    values: dict[str, Any] = {}
    page = report.report(activations, basis, out, given, _seen(values))
    typer.echo(f"raw: {values['raw.verdict']}; mean-centred: {values['centred.verdict']}")
    typer.echo(f"the report: {page}", err=True)


@app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def open_lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where your copies lie.")] = Path("my_notebooks"),
) -> None:
    """Open JupyterLab on copies of the notebooks, at one that is made to start with.

    Further options go to JupyterLab: `--no-browser`, `--port 8889`.
    """
    from neuronbasis.workflow import lab

    words = [str(folder), *context.args] if str(folder).startswith("-") else context.args
    folder = Path("my_notebooks") if str(folder).startswith("-") else folder
    new = lab.prepare(folder)
    typer.echo(f"{len(new)} notebooks copied to {folder}; what was there is unchanged", err=True)
    lab.become(folder, words)


@study_commands.app.command("class")
def study_with_a_class(
    folder: Annotated[Path, typer.Argument(help="Folder of the study.")] = Path("class_study"),
    host: Annotated[str, typer.Option(help="127.0.0.1 keeps it on this machine.")] = "0.0.0.0",
    port: Annotated[int, typer.Option(parser=option(0, 65535), help="0 takes a free one.")] = 8765,
    rehearse: Annotated[
        int, typer.Option(parser=option(0), help="So many SIMULATED participants; no server.")
    ] = 0,
) -> None:
    """Build a study if there is none, serve it to the room, and on Ctrl-C draw what came out."""
    from neuronbasis.study import serving
    from neuronbasis.workflow import classroom

    def say(line: str) -> None:
        typer.echo(line, err=True)

    if rehearse:
        folder = folder.with_name(f"{folder.name}_rehearsal")
    if classroom.prepare(folder):
        say(f"built a study: {folder}")
    if rehearse:
        classroom.simulate(folder, rehearse)
    else:
        serving.serve(folder, host, port, say, code=True)
    for line in classroom.report(folder):
        typer.echo(line)
    say(f"the picture: {classroom.draw(folder)}")


@app.command("book")
def build_book(
    profile: Annotated[str, typer.Option(help="Which runs: a file of profiles/.")] = "book",
    jobs: Annotated[
        int | None, typer.Option(parser=option(1), help="Notebooks side by side.")
    ] = None,
) -> None:
    """Run what is stale of a profile's notebooks, then render the book."""
    from neuronbasis.workflow import build

    page = build.build(profile, jobs)
    typer.echo(f"the book: {page}", err=True)


@app.command("results")
def compute_results(
    profile: Annotated[str, typer.Option(help="Which runs: a file of profiles/.")] = "paper",
    jobs: Annotated[
        int | None, typer.Option(parser=option(1), help="Notebooks side by side.")
    ] = None,
) -> None:
    """Run what is stale of a profile's notebooks, without a book."""
    from neuronbasis.workflow import build

    folder = build.results(profile, jobs)
    typer.echo(f"the results: {folder}", err=True)


@app.command("sweep", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def sweep_notebook(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it: its folder is build/sweeps/NAME.")],
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, as `list` shows it.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value,value,...: each with each."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(parser=option(1), help="Jobs side by side.")] = None,
    grouped: Annotated[
        int, typer.Option(parser=option(1), help="Runs in one job of a cluster.")
    ] = 4,
) -> None:
    """Run a notebook under every combination of some parameters; what is done is not redone.

    Further options go to Snakemake: `--executor slurm` computes on a cluster.
    """
    from neuronbasis.workflow import sweep

    table = sweep.sweep(name, notebook, _pairs(parameter or []), jobs, grouped, context.args)
    typer.echo(f"the runs and their numbers: {table}", err=True)


@app.command("compare")
def compare_records(
    old: Annotated[Path, typer.Argument(help="Folder of records, such as results/paper.")],
    new: Annotated[Path, typer.Argument(help="Another, such as build/paper.")],
) -> None:
    """Say by how much two computations differ; fail if a verdict does."""
    from neuronbasis.workflow import frozen

    found = frozen.compare(old, new)
    for name in found.same:
        typer.echo(f"{name}: the same")
    for each in found.differences:
        typer.echo(str(each), err=each.verdict)
    for names, folder in ((found.missing, new), (found.new, old)):
        for name in names:
            typer.echo(f"{name}: missing in {folder}")
    if found.verdicts:
        raise typer.Exit(1)


@app.command("networks")
def list_networks() -> None:
    """Show the trained networks that are kept with the project: nothing trains where they serve."""
    from neuronbasis.workflow import networks

    found = networks.kept()
    for each in found:
        spec = each.specs[0]
        seeds = f"{len(each.seeds)} of {len(each.specs)} seeds"
        typer.echo(
            f"{each.name}: {spec.entry.rpartition('-')[0]}, {seeds}, {each.size / 1e6:.1f} MB"
        )
    typer.echo(f"{sum(each.size for each in found) / 1e6:.1f} MB in {networks.folder()}", err=True)


@app.command("keep")
def keep_networks(
    data_folder: Annotated[str | None, typer.Option(help="Where MNIST lies.")] = None,
    jobs: Annotated[int, typer.Option(parser=option(1), help="Configurations side by side.")] = 1,
    check: Annotated[bool, typer.Option(help="Only train one anew, and compare.")] = False,
) -> None:
    """Train what is missing of the papers' networks (hours), and keep it with the project."""
    from neuronbasis.workflow import networks

    if check:
        same = networks.retrained(data_folder)
        other = "other bytes: another processor or version of torch rounds otherwise"
        typer.echo(f"a kept network, trained once more: {'the same bytes' if same else other}")
        return
    for name in networks.keep(data_folder, jobs):
        typer.echo(f"kept: {name}", err=True)


@app.command("freeze")
def freeze_records(
    names: Annotated[list[str] | None, typer.Argument(help="Runs; all if none is named.")] = None,
    profile: Annotated[str, typer.Option(help="Whose results: build/<profile>.")] = "paper",
) -> None:
    """Keep the records of a profile's results with the project, in results/<profile>."""
    from neuronbasis.workflow import build, frozen

    folder = project.root()
    results, kept_in = (folder / kind / profile for kind in ("build", "results"))
    kept = [run for run, each in build.runs(profile).items() if each.get("freeze", True)]
    names = names or [run for run in kept if (results / run).is_dir()]
    copied = frozen.freeze(results, kept_in, names) if names else []
    typer.echo(f"frozen in {kept_in}: {', '.join(copied) or 'nothing new'}", err=True)


def main() -> None:
    """Entry point: a user's mistake is one line on stderr and exit status 2."""
    signal.signal(signal.SIGTERM, _terminated)
    # To import papermill imports jsonschema, which then compiles a grammar of internationalised
    # addresses: two seconds of each command, for a check that no notebook's schema asks for.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app()
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "neuronbasis":
            raise
        typer.echo(f"error: no module {error.name}; pip install 'neuronbasis[book]'", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        typer.echo(f"error: cannot write ({error.strerror}); free space on the disk", err=True)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo(
                "interrupted: nothing half-done is left; repeat the command to go on", err=True
            )
        raise


def _terminated(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _seen(values: dict[str, Any]) -> Callable[[Path], None]:
    """Keep the values of the very run that was asked for, whatever takes its folder later."""

    def finish(folder: Path) -> None:
        from neuronbasis import records

        values.update(records.read(folder)["values"])

    return finish


def _pairs(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for name, sign, _ in pairs:
        if not name or not sign:
            raise UserError(f"parameter {name!r}: write name=value, as in -p epochs=20")
        if [each[0] for each in pairs].count(name) > 1:
            raise UserError(f"parameter {name!r} is given twice: give it once")
    return {name: value for name, _, value in pairs}


def _duration(notebook: dict, seconds: int | None) -> str:
    """How long a run takes, and whether other parameters train."""
    said = f"about {seconds} s with the parameters of the book" if seconds else "no run of the book"
    code = "".join(each["source"] for each in notebook["cells"] if each["cell_type"] == "code")
    if "training.trained" in code:
        said += "; networks that `neuronbasis networks` does not list are trained (ten on MNIST: "
        said += "about 10 min)"
    return said


def _title(notebook: dict) -> str:
    """First heading of a notebook."""
    lines = [line for cell in notebook["cells"] for line in cell["source"].splitlines()]
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), "")
