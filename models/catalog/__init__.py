"""The catalogue of models: the fields of a row, the rows, those of the hub, and a model's folder on disk."""
