"""Training, evaluation and export of the checkbox network."""
