"""``nas-ray``: one verb, one function; each calls the package and prints what it hands back.

What a verb needs is imported when it runs: ``--help`` answers before Ray or torch could be loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nas_ray import flags
from nas_ray.engine.quiet import quiet_raylets
from nas_ray.errors import ConfigError, NasRayError

DEBUG = "NAS_RAY_DEBUG"
"""Environment variable; where it is set, errors come with their traceback."""

app = typer.Typer(
    help="Neural architecture search on Ray Tune.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help needs no rich, and answers sooner
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Run = Annotated[str, typer.Argument(metavar="RUN", help="folder of the run, or its name in --runs-dir")]
RunsDir = Annotated[str, typer.Option(help="folder of all runs")]
Pairs = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="set one key; repeatable")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")]
Thing = Annotated[str | None, typer.Argument(metavar="NAME", help="show this one, or module:object, in full")]


def _flag(key: str, text: str) -> Any:
    return typer.Option(help=f"{text} [{key}]", show_default=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nas-ray {version('nas-ray')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Neural architecture search on Ray Tune."""


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG.yaml] [KEY=VALUE ...]", help="a configuration file, then single keys"
        ),
    ] = None,
    space: Annotated[str | None, _flag("space.name", "what exists; `nas-ray spaces` lists")] = None,
    strategy: Annotated[str | None, _flag("strategy.name", "which next; `nas-ray strategies` lists")] = None,
    stopping: Annotated[
        str | None, _flag("stopping.name", "how good, for less; `nas-ray stopping` lists")
    ] = None,
    data: Annotated[
        str | None,
        _flag("data.name", "digits, npz:FILE, torchvision:NAME, folder:DIR or module:object"),
    ] = None,
    trials: Annotated[int | None, _flag("run.trials", "trials that begin training")] = None,
    epochs: Annotated[int | None, _flag("run.epochs", "epochs trained over all trials")] = None,
    max_epochs: Annotated[int | None, _flag("estimation.max_epochs", "epochs of a full training")] = None,
    time_budget: Annotated[float | None, _flag("run.time_budget", "seconds")] = None,
    concurrency: Annotated[int | None, _flag("resources.concurrency", "trials at once")] = None,
    gpus_per_trial: Annotated[
        str | None, _flag("resources.gpus_per_trial", "GPUs of a trial: a number, a fraction, or auto")
    ] = None,
    seed: Annotated[int | None, _flag("run.seed", "seed of every random choice")] = None,
    name: Annotated[str | None, _flag("run.name", "name of the run's folder")] = None,
    runs_dir: Annotated[str | None, _flag("run.dir", "folder of all runs")] = None,
    address: Annotated[
        str | None, _flag("resources.address", "auto joins the Ray cluster of this machine")
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option(
            "--tensorboard", help="write TensorBoard's files too [run.tensorboard]", show_default=False
        ),
    ] = None,
    pairs: Pairs = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="print what would be searched and how long it takes; run nothing"),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Search architectures.

    Flags win over --set, which wins over KEY=VALUE, which wins over the file.
    """
    given = locals()
    config = flags.search_config(words or [], pairs or [], {flag: given[flag] for flag in flags.SEARCH})
    if dry_run:
        from nas_ray.dry_run import preview

        typer.echo(preview(config))
        return
    from nas_ray import orchestrator
    from nas_ray.ending import follow

    raise typer.Exit(follow(lambda live: orchestrator.search(config, progress=live), config.run.dir, quiet))


@app.command()
def simulate(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG.yaml] [KEY=VALUE ...]", help="a configuration file, then single keys"
        ),
    ] = None,
    table: Annotated[
        str | None, _flag("simulation.table", "measured results: a known table, or a description's path")
    ] = None,
    strategy: Annotated[str | None, _flag("strategy.name", "which next; `nas-ray strategies` lists")] = None,
    stopping: Annotated[
        str | None, _flag("stopping.name", "how good, for less; `nas-ray stopping` lists")
    ] = None,
    workers: Annotated[
        str | None, _flag("resources.concurrency", "virtual workers; 1,8,64 compares several")
    ] = None,
    budget: Annotated[str | None, _flag("run", "12000s, 300trials or 2700epochs")] = None,
    seed: Annotated[int | None, _flag("run.seed", "seed of every random choice")] = None,
    startup: Annotated[
        float | None, _flag("simulation.startup_s", "virtual seconds before a worker's first trial")
    ] = None,
    delay: Annotated[
        float | None, _flag("simulation.delay_s", "virtual seconds between a proposal and its training")
    ] = None,
    price: Annotated[
        float | None,
        typer.Option("--price-per-gpu-hour", help="adds the cost of each number of workers", min=0.0),
    ] = None,
    name: Annotated[str | None, _flag("run.name", "name of the run's folder")] = None,
    runs_dir: Annotated[str | None, _flag("run.dir", "folder of all runs")] = None,
    pairs: Pairs = None,
) -> None:
    """Search a table of measured results, in virtual time.

    With several numbers of workers: what each would find, how soon, and at which cost.
    """
    given = locals()
    values = {flag: given[flag] for flag in flags.SIMULATE}
    config = flags.search_config(words or [], pairs or [], values, flags.SIMULATE)
    config = flags.with_budget(config, budget)
    listed = flags.numbers(workers, "--workers") if workers else [config.resources.concurrency or 1]
    from nas_ray.simulation import planner

    if len(listed) > 1 or price is not None:
        typer.echo(planner.compare(config, listed, price))
    else:
        typer.echo(planner.recorded(config, listed[0]))


@app.command()
def benchmark(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG.yaml] [KEY=VALUE ...]", help="what all searches share; then single keys"
        ),
    ] = None,
    table: Annotated[
        str, typer.Option(help="known tables or paths of descriptions, separated by commas")
    ] = "nasbench201-cifar10",
    strategies: Annotated[
        str, typer.Option(help="separated by commas, options in brackets: auto,optuna(sampler=gp)")
    ] = "auto,random",
    seeds: Annotated[int, typer.Option(help="number of seeds, from run.seed on")] = 30,
    budget: Annotated[
        str, _flag("run", "12000s, 300trials or 2700epochs; 300trials by default")
    ] = "300trials",
    workers: Annotated[
        str, _flag("resources.concurrency", "virtual workers; 1,8 compares at several numbers")
    ] = "1",
    at: Annotated[
        str | None, typer.Option(help="compare at these shares of the budget too: 50,100,200")
    ] = None,
    stopping: Annotated[str, _flag("stopping.name", "how good, for less; none by default")] = "none",
    seed: Annotated[int | None, _flag("run.seed", "the first seed")] = None,
    startup: Annotated[
        float | None, _flag("simulation.startup_s", "virtual seconds before a worker's first trial")
    ] = None,
    delay: Annotated[
        float | None, _flag("simulation.delay_s", "virtual seconds between a proposal and its training")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="processes; one for each core by default", show_default=False)
    ] = None,
    output: Annotated[
        Path, typer.Option(help="folder of the results; what is there already is not run again")
    ] = Path("benchmark"),
    pairs: Pairs = None,
    quiet: Quiet = False,
) -> None:
    """Compare strategies on tables of measured results.

    Many seeds, in parallel processes; writes trajectories, a table, regret curves and a page.
    """
    given = locals()
    values = {flag: given[flag] for flag in flags.BENCHMARK}
    config = flags.with_budget(flags.search_config(words or [], pairs or [], values, flags.BENCHMARK), budget)
    from nas_ray.benchmarking import command

    text = command.run(
        config,
        table=table,
        strategies=strategies,
        workers=flags.numbers(workers, "--workers"),
        seeds=seeds,
        at=flags.numbers(at, "--at") if at else [],
        folder=output,
        jobs=jobs,
        quiet=quiet,
    )
    if not quiet:
        typer.echo(text)


@app.command("check-fidelity")
def check_fidelity(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG.yaml] [KEY=VALUE ...]", help="a configuration file, then single keys"
        ),
    ] = None,
    table: Annotated[
        str | None,
        _flag(
            "simulation.table", "read the curves of a known table, or of a description's path; train nothing"
        ),
    ] = None,
    space: Annotated[str | None, _flag("space.name", "what exists; `nas-ray spaces` lists")] = None,
    data: Annotated[
        str | None,
        _flag("data.name", "digits, npz:FILE, torchvision:NAME, folder:DIR or module:object"),
    ] = None,
    max_epochs: Annotated[int | None, _flag("estimation.max_epochs", "epochs of a full training")] = None,
    networks: Annotated[
        int | None,
        typer.Option(help="networks that are sampled; 8, or 100 of a table", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(help="trainings of each; a table has one")] = 2,
    concurrency: Annotated[int | None, _flag("resources.concurrency", "trials at once")] = None,
    gpus_per_trial: Annotated[
        str | None, _flag("resources.gpus_per_trial", "GPUs of a trial: a number, a fraction, or auto")
    ] = None,
    seed: Annotated[int | None, _flag("run.seed", "the first seed; it draws the networks too")] = None,
    name: Annotated[str | None, _flag("run.name", "name of the folder that the searches are left in")] = None,
    runs_dir: Annotated[str | None, _flag("run.dir", "folder of all runs")] = None,
    address: Annotated[
        str | None, _flag("resources.address", "auto joins the Ray cluster of this machine")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet")] = "table",
    output: Annotated[
        Path | None, typer.Option(help="file to write, in place of printing", show_default=False)
    ] = None,
    pairs: Pairs = None,
    quiet: Quiet = False,
) -> None:
    """Find out at how few epochs networks are ranked as after a full training.

    Trains a few sampled networks with two seeds, and advises the rungs of a stopping rule. Where the
    configuration turns down estimation.data_share, resolution or width, these are checked too.
    """
    given = locals()
    values = {flag: given[flag] for flag in flags.FIDELITY}
    config = flags.search_config(words or [], pairs or [], values, flags.FIDELITY)
    from nas_ray.fidelity import command

    code = command.run(config, networks=networks, seeds=seeds, form=form, output=output, quiet=quiet)
    raise typer.Exit(code)


@app.command()
def resume(
    run: Run,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE ...]", help=f"one of {', '.join(flags.RESUME.values())}"),
    ] = None,
    trials: Annotated[int | None, _flag("run.trials", "new total of trials")] = None,
    epochs: Annotated[int | None, _flag("run.epochs", "new total of epochs over all trials")] = None,
    time_budget: Annotated[float | None, _flag("run.time_budget", "new total of seconds")] = None,
    address: Annotated[
        str | None, _flag("resources.address", "auto joins the Ray cluster of this machine")
    ] = None,
    pairs: Pairs = None,
    runs_dir: RunsDir = "runs",
    quiet: Quiet = False,
) -> None:
    """Continue a run, or give it more to do.

    An interrupted run goes on where it stopped; a finished one goes on to the new totals.
    """
    given = locals()
    totals = flags.resume_totals(
        [*(words or []), *(pairs or [])], {flag: given[flag] for flag in flags.RESUME}
    )
    from nas_ray import orchestrator
    from nas_ray.ending import follow
    from nas_ray.lookup import find_run

    folder = find_run(run, runs_dir)
    raise typer.Exit(
        follow(lambda live: orchestrator.resume(folder, progress=live, **totals), str(folder.parent), quiet)
    )


@app.command()
def status(run: Run, runs_dir: RunsDir = "runs") -> None:
    """Say where a run stands, also while it runs."""
    from nas_ray import results
    from nas_ray.lookup import find_run

    typer.echo(results.status(find_run(run, runs_dir)))


@app.command("list")
def list_runs(runs_dir: RunsDir = "runs") -> None:
    """List the runs in a folder, oldest first."""
    from nas_ray.lookup import runs_table

    typer.echo(runs_table(runs_dir))


@app.command()
def results(
    run: Run,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet")] = "table",
    output: Annotated[
        Path | None, typer.Option(help="file to write, in place of printing", show_default=False)
    ] = None,
    epochs: Annotated[
        bool, typer.Option("--epochs", help="one row per epoch, in place of one per trial")
    ] = False,
    runs_dir: RunsDir = "runs",
) -> None:
    """Print or write the trials of a run.

    One row per proposal, whatever became of it.
    """
    from nas_ray.lookup import find_run
    from nas_ray.results import SearchResult, export

    content = export(SearchResult.load(find_run(run, runs_dir)), form, output, epochs=epochs)
    typer.echo(f"wrote {output}" if output else content, nl=bool(output))


@app.command()
def spaces(name: Thing = None) -> None:
    """List the search spaces, or show one.

    One in full: its options, keys, size and a sample.
    """
    from nas_ray import catalogue

    typer.echo(catalogue.space_text(name) if name else catalogue.listing(catalogue.SPACES))


@app.command()
def strategies(name: Thing = None) -> None:
    """List the strategies, or show one in full."""
    from nas_ray import catalogue

    group = catalogue.STRATEGIES
    typer.echo(catalogue.class_text(group, name) if name else catalogue.listing(group))


@app.command()
def stopping(name: Thing = None) -> None:
    """List the stopping rules, or show one in full."""
    from nas_ray import catalogue

    group = catalogue.STOPPING
    typer.echo(catalogue.class_text(group, name) if name else catalogue.listing(group))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console script ``nas-ray``.

    Args:
        arguments: Words after the program's name; None takes this process's.

    Returns:
        The exit code: 0 if all went well, 1 for a run that failed, 2 for what cannot be asked, 130 after
        Ctrl-C, 143 after SIGTERM.
    """
    quiet_raylets()
    try:
        app(args=arguments, prog_name="nas-ray")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except NasRayError as error:
        if os.environ.get(DEBUG):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
