"""Data sets of others judged as their papers judge: readers, protocols, scores beside the published ones."""
