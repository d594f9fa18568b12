"""The pure heart: no clock, no environment, no file, no network, no global random state."""
