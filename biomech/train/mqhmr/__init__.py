"""Training MQ-HMR."""
