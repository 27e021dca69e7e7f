"""A REST server of trained models, for other programs."""
