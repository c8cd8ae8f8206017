"""The folder of data that a bench measures on."""

from pathlib import Path


def check_data(folder: Path) -> None:
    """Whether it is there.

    Raises:
        BioposeError: it is not.
    """
    from biomech.errors import BioposeError

    if not folder.is_dir():
        raise BioposeError(
            "there is no such folder of data", where=str(folder), mend="Name the folder of the data with --data."
        )
