"""The screen, driven as a person would."""
