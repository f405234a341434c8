"""Finished runs in MLflow and the winner in its model registry: a view that can be rebuilt from the files."""

import os

# Read when mlflow is imported: nothing leaves the machine unless the user says otherwise.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
