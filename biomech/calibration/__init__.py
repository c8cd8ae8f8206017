"""Several cameras at once: where they stand, what each of them sees of one point, and when."""
