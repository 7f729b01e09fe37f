"""The catalogue of models: fields of a row, built-in models, models of the hub, and a model's folder on disk."""
