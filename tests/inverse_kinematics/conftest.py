"""The trial that OpenSim's tools are tested on."""

from small_trial import trial  # noqa: F401 (fixtures)
