"""The studio: a local web app that trains, shows and uses models in the browser."""
