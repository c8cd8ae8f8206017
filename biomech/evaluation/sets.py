"""The data sets by name."""

from biomech.errors import BioposeError
from biomech.evaluation.angle_sets import ANGLE_SETS
from biomech.evaluation.mesh_sets import MESH_SETS
from biomech.evaluation.sequence import DataSet

DATASETS = {dataset.name: dataset for dataset in (*MESH_SETS, *ANGLE_SETS)}


def dataset_of(name: str) -> DataSet:
    """A data set.

    Raises:
        BioposeError: none has this name.
    """
    if name not in DATASETS:
        raise BioposeError(f"no data set '{name}'", mend=f"There are {', '.join(DATASETS)}.")
    return DATASETS[name]
