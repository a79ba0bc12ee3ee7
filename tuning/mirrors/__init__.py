"""Where a run is shown besides its own records: Weights & Biases, MLflow, TensorBoard."""
