"""A generic model becomes a person's: OpenSim's Scale tool, personalising, real proportions."""
