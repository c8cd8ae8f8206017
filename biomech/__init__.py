"""BioPose: from one ordinary video to a scaled OpenSim model and a motion."""

__version__ = "0.1.0"
