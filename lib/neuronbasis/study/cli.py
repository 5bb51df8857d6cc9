"""The command line of the study: build one, serve it to a class, analyse the answers."""

from pathlib import Path
from typing import Annotated

import typer

from neuronbasis.utils.typed import option

app = typer.Typer(
    help="A study with people: which of two rows shows a coherent transition?",
    no_args_is_help=True,
)
_Folder = Annotated[Path, typer.Argument(help="Folder of the study.")]


@app.command("build")
def build_study(
    folder: _Folder,
    rows: Annotated[
        list[Path], typer.Argument(help=".npz files of layer, basis, vector, pictures.")
    ],
    seed: Annotated[int, typer.Option(parser=option(0), help="Decides shuffles and sides.")] = 0,
    title: Annotated[str, typer.Option(help="What the page is called.")] = "Which row is in order?",
    catches: Annotated[int, typer.Option(parser=option(0), help="Easy trials: who attends?")] = 8,
    practice: Annotated[
        int, typer.Option(parser=option(0), help="Trials before, with feedback.")
    ] = 4,
) -> None:
    """Write a study as a folder with one page."""
    from neuronbasis import study

    page = study.build(
        study.read_rows(rows), folder, seed, title=title, catches=catches, practice=practice
    )
    typer.echo(f"the page, whose texts you may edit: {page}", err=True)


@app.command("serve")
def serve_study(
    folder: _Folder,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets the network in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(parser=option(0, 65535), help="0 takes a free one.")] = 8765,
) -> None:
    """Hand out the page and collect the answers in the study's folder, until Ctrl-C."""
    from neuronbasis.study import serving

    serving.serve(folder, host, port, lambda line: typer.echo(line, err=True))


@app.command("analyse")
def analyse_study(
    folder: _Folder,
    answers: Annotated[
        Path | None, typer.Option(help="Folder of the CSV files; else answers/ in the study.")
    ] = None,
) -> None:
    """Accuracy by layer and basis, the differences, and every row that does not count."""
    from neuronbasis import study

    for line in study.analyse(folder, answers).report():
        typer.echo(line)
