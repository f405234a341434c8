"""Finished runs in MLflow and the winner in its model registry: a view that can be rebuilt from the files."""

import os

# Read when mlflow is imported or later; what the user has set stays.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing leaves the machine
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # a log is no terminal
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # of a server that hangs; by default 120 s, and 7 more attempts
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}.items():
    os.environ.setdefault(_name, _value)
