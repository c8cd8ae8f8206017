"""A result as files of other programs, one file here for each kind."""
