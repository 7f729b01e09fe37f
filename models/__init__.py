"""Everything numerical: catalogue, pixels, tokens, encoders. Imports nothing of `service/` and no web library."""
