"""The files around the stages: options, the record of a run, the two entrances, the demo."""
