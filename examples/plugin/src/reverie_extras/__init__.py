"""A method, a dataset, a loss, a backbone and an upscaler family for reverie."""
