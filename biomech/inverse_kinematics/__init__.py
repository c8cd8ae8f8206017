"""Inverse kinematics: our fast solver, OpenSim's tool, and what is known of an answer."""
