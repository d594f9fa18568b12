"""Who should have which territory: on files, and for a model that is being planned."""
