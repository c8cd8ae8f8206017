"""`biopose models`: the pinned files that are fetched on first use."""

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The network files: list them, or fetch them beforehand.")


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List the network files and whether this machine has them.

    With their size, sha256 and licence.
    """
    from biomech import assets

    rows = [
        {
            "name": asset.name,
            "file": asset.file,
            "size_bytes": asset.size_bytes,
            "sha256": asset.sha256,
            "licence": asset.licence,
            "purpose": asset.purpose,
            "from": f"{asset.member} in the Python package {asset.package}",
            "path": str(path) if (path := assets.find(asset.name)) else None,
        }
        for asset in assets.ASSETS.values()
    ]
    if as_json:
        typer.echo(json.dumps({"cache": str(assets.cache_folder()), "models": rows}))
        return
    typer.echo(f"cache: {assets.cache_folder()}")
    for row in rows:
        typer.echo(f"\n{row['name']}: {row['path'] or 'not here yet: biopose models pull ' + str(row['name'])}")
        for key in ("purpose", "file", "size_bytes", "sha256", "licence", "from"):
            typer.echo(f"  {key:10} {row[key]}")


@app.command("pull")
def pull_models(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones. [default: all]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fetch network files into the cache.

    Those already there are checked and left alone.
    """
    from biomech import assets

    paths = {}
    for name in names or list(assets.ASSETS):
        paths[name] = str(assets.locate(name, None if as_json else typer.echo))
        if not as_json:
            typer.echo(f"{name}: {paths[name]}")
    if as_json:
        typer.echo(json.dumps(paths))
