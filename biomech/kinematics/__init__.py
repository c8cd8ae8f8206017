"""The noun ``Kinematics`` and its files."""
