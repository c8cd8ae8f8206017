"""A trained MQ-HMR, from its files."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from biomech.errors import BioposeError, plainly
from biomech.files import check_file, read_json
from biomech.mesh.mqhmr.network import MQHMR, Config
from biomech.names import MQHMR_WEIGHTS

WEIGHTS, RECIPE = MQHMR_WEIGHTS, "mqhmr.json"


def load_mqhmr(weights: Path, body_model: Path | None = None) -> MQHMR:
    """A trained network, from what ``write`` left.

    Args:
        weights: the .safetensors, its recipe beside it under the same name as .json.
        body_model: the user's SMPL file, where the network's body is that.

    Returns:
        The network on the CPU, in single precision, ready to predict.

    Raises:
        BioposeError: the files are missing or do not belong together.
    """
    check_file(weights)
    recipe = weights.with_suffix(".json")
    check_file(recipe, missing=f"not a network of `biopose train mqhmr`: {weights.name} has no recipe beside it")
    about = read_json(recipe, what="the recipe of a network of `biopose train mqhmr`")
    try:
        said = about["config"]
        network = MQHMR.build(Config(**{**said, "strides": tuple(said["strides"])}), body_model)
        network.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BioposeError(f"not a network of `biopose train mqhmr` ({plainly(error)})", where=str(weights)) from error
    return network.eval()
