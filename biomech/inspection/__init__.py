"""What is wrong with files for OpenSim, found before OpenSim is asked."""
