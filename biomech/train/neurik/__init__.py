"""Training NeurIK."""
